"""Links between a process and a server, and the detours that a network fault makes of them.

A link belongs to one service: only processes of that service ever take its detour. Detours are
entries of a file in the run directory, read for each connection. An expired entry is ignored, even
if its writer did not remove it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

SERVICES: Final = ("identity", "catalog", "orders", "payments", "checkout")


@dataclass(frozen=True, slots=True)
class Link:
    """One client's way to one server. `owner` is the service of the processes at its end."""

    name: str
    owner: str
    server: str  # broker, database, cache or provider


LINKS: Final = {
    link.name: link
    for link in (
        *(Link(f"{name}-broker", name, "broker") for name in SERVICES),
        *(Link(f"{name}-database", name, "database") for name in SERVICES),
        Link("site-cache", "site", "cache"),
        Link("payments-provider", "payments", "provider"),
    )
}


@dataclass(frozen=True, slots=True)
class Detour:
    """One entry of the file: `via` is the proxy's address for this link.

    `mode` is cut, slow or blackhole. A slow one adds `milliseconds` in each direction and lets
    through `bytes_per_second` (0: no limit). `until` is a moment in seconds of the epoch.
    """

    id: str
    link: str
    mode: str
    until: float
    via: str
    milliseconds: int = 0
    bytes_per_second: int = 0


def detours(file: Path) -> dict[str, Detour]:
    """Return the detours in force now, by link, where a later entry replaces an earlier one."""
    now = time.time()
    try:
        entries = _entries(file, file.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, KeyError):
        return {}  # no link was ever cut here, or the file is none of ours
    return {entry.link: entry for entry in entries if entry.until > now}


def detoured(url: str, file: Path, link: str, service: str) -> str:
    """Return `url`, led through the proxy when there is a detour for a link of this service."""
    known = LINKS.get(link)
    if known is None or known.owner != service or not (found := detours(file).get(link)):
        return url
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{found.via}"))


@cache
def _entries(file: Path, _modified: int) -> tuple[Detour, ...]:
    return tuple(Detour(**entry) for entry in json.loads(file.read_text()))
