"""The status strip: the cluster's state in one line, as the server knows it.

`cluster/kit/static/kit/status-strip.js` says the same things in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cluster.health.observer.client import latest
from config.revision import running_revision

AWAY: Final = "The observer is away; the cluster’s state is not known."

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@dataclass(frozen=True)
class Strip:
    """The content of the strip. `state`: steady, degraded or unknown. `uptime` may be empty."""

    state: str
    words: str
    uptime: str
    revision: str
    at: datetime


def strip() -> Strip:
    """Return the strip as of now."""
    now = datetime.now(UTC).replace(microsecond=0)
    seen = latest()
    if seen is None:
        return Strip(state="unknown", words=AWAY, uptime="", revision=_revision(), at=now)
    at = datetime.fromisoformat(seen.at).replace(microsecond=0)
    since = datetime.fromisoformat(seen.up_since) if seen.up_since else None
    return Strip(
        state=seen.state,
        words=seen.words,
        uptime=duration((at - since).total_seconds()) if since else "",
        revision=_revision(),
        at=at,
    )


def duration(seconds: float) -> str:
    """Return seconds in their two largest units: 40 s, 12 min, 4 h 12 min, 3 d 4 h."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def _revision() -> str:
    return running_revision().short
