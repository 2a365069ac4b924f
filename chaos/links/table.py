"""The file of detours as those write it who break links and mend them."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from compose.run_directory import write_private
from config import environment
from config.fault_routes import LINKS, Detour, detours


def lead_astray(detour: Detour) -> None:
    """Let the clients of a link connect through the proxy from now on; done twice, it is one."""
    _rewrite(lambda entries: [e for e in entries if e.id != detour.id] + [detour])


def lead_back(identifier: str) -> bool:
    """Take the detour of this id away; False when there was none any more."""
    found = identifier in {entry.id for entry in in_force().values()}
    _rewrite(lambda entries: [e for e in entries if e.id != identifier])
    return found


def in_force() -> dict[str, Detour]:
    """The detours of this moment, by link."""
    return detours(environment.routes_file())


def proxy_address(link: str) -> str:
    """Where the proxy listens for a link; raises LookupError when this platform offers none."""
    if link not in LINKS:
        raise LookupError(f"there is no link {link!r}")
    port = environment.link_ports().get(link)
    if port is None:
        raise LookupError(f"LINK_PORTS names no port for {link}: no proxy listens for it")
    return f"{environment.link_proxy()}:{port}"


def _rewrite(change: Callable[[list[Detour]], list[Detour]]) -> None:
    file = environment.routes_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone():
        now = time.time()
        try:
            entries = [Detour(**entry) for entry in json.loads(file.read_text())]
        except (FileNotFoundError, ValueError, TypeError):
            entries = []
        kept = change([entry for entry in entries if entry.until > now])
        write_private(file, json.dumps([asdict(entry) for entry in kept]))


@contextmanager
def _alone() -> Iterator[None]:
    """One writer at a time, of all processes."""
    with environment.routes_file().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
