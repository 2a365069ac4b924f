"""The interval between the base backups of a platform that is backed up, and how many are kept.

The settings BACKUP_EVERY (hours, 0 for never) and BACKUP_KEEP. `up` records them in platform.json,
so that a second terminal judges the age of a backup by the same interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from compose import outside
from compose.errors import Misuse
from config import environment

EVERY: Final = "BACKUP_EVERY"
KEEP: Final = "BACKUP_KEEP"
USUAL: Final = {EVERY: "24", KEEP: "7"}
MOST_HOURS: Final = 24 * 365
MOST_KEPT: Final = 1000


@dataclass(frozen=True)
class Schedule:
    """The interval between base backups, None for never, and the number of them to keep."""

    every: timedelta | None
    keep: int


def schedule() -> Schedule:
    """Return the schedule of this process's platform, or raise Misuse for nonsense."""
    return parse(lambda name: environment.setting(name, USUAL[name]))


def recorded(surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the surroundings name. Nonsense is refused by Misuse."""
    named = {name: outside.named(name, surroundings) for name in USUAL}
    parse(lambda name: named[name] or USUAL[name])
    return {name: value for name, value in named.items() if value}


def parse(setting: Callable[[str], str]) -> Schedule:
    """Return the schedule that the settings' texts say, or raise Misuse."""
    hours, keep = setting(EVERY), setting(KEEP)
    if not (_is_number(hours) and float(hours) <= MOST_HOURS):
        raise Misuse(f"{EVERY} is a number of hours from 0 (never) to {MOST_HOURS}, not {hours!r}.")
    if not (_is_number(keep) and "." not in keep and 1 <= int(keep) <= MOST_KEPT):
        raise Misuse(f"{KEEP} is a number of backups from 1 to {MOST_KEPT}, not {keep!r}.")
    return Schedule(timedelta(hours=float(hours)) if float(hours) else None, int(keep))


def _is_number(text: str) -> bool:
    whole, _, part = text.partition(".")
    return text.isascii() and whole.isdigit() and (part.isdigit() or "." not in text)
