"""The file of detours, for the processes that break and heal links."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict

from compose.run_directory import write_private
from config import environment
from config.fault_routes import LINKS, Detour, detours
from config.waiting import locked


def lead_astray(detour: Detour) -> None:
    """Route the clients of a link through the proxy from now on.

    Idempotent by the detour's id.
    """
    _rewrite(lambda entries: [e for e in entries if e.id != detour.id] + [detour])


def lead_back(identifier: str) -> bool:
    """Remove the detour of this id, and return whether it was in force."""
    found = identifier in {entry.id for entry in in_force().values()}
    _rewrite(lambda entries: [e for e in entries if e.id != identifier])
    return found


def in_force() -> dict[str, Detour]:
    """Return the detours that are in force now, by link."""
    return detours(environment.routes_file())


def proxy_address(link: str) -> str:
    """Return the proxy's address for a link.

    Raises LookupError when this platform offers none.
    """
    if link not in LINKS:
        raise LookupError(f"there is no link {link!r}")
    port = environment.link_ports().get(link)
    if port is None:
        raise LookupError(f"LINK_PORTS names no port for {link}: no proxy listens for it")
    return f"{environment.link_proxy()}:{port}"


def _rewrite(change: Callable[[list[Detour]], list[Detour]]) -> None:
    file = environment.routes_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    # Locks out all other writers, of all processes.
    with locked(environment.routes_file().with_suffix(".lock")):
        now = time.time()
        try:
            entries = [Detour(**entry) for entry in json.loads(file.read_text())]
        except (FileNotFoundError, ValueError, TypeError):
            entries = []
        kept = change([entry for entry in entries if entry.until > now])
        write_private(file, json.dumps([asdict(entry) for entry in kept]))
