"""Switches that break a guarantee on purpose, to prove that the checkers can fail.

A checker that has never failed proves nothing. `SABOTAGE=inbox,confirms,outbox` in a process's
environment turns the named protections off in that process only.
"""

from __future__ import annotations

import enum
from functools import cache

from config.environment import setting


class Sabotage(enum.StrEnum):
    """The protections that can be switched off."""

    INBOX = "inbox"  # apply every delivery, duplicates and gaps included (breaks guarantee 3)
    CONFIRMS = "confirms"  # delete from the outbox without a confirm (breaks guarantee 2)
    OUTBOX = "outbox"  # write the messages in a second transaction (breaks guarantee 1)


@cache
def switched_off() -> frozenset[Sabotage]:
    """Return the protections that are off in this process.

    Raises ValueError for an unknown name.
    """
    names = [name.strip() for name in setting("SABOTAGE", "").split(",")]
    return frozenset(Sabotage(name) for name in names if name)
