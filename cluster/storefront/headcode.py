"""Headcodes: the four characters by which a saga is known on every page, such as `2C08`.

British railways name a train by the class digit, a letter for its route and two digits. Ours are
derived from the saga's id: short enough to recognise, and rarely shared by two sagas of the same
minute.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

CLASSES: Final = "123456789"
ROUTES: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"  # neither I, O nor Q: they look like digits
NUMBERS: Final = 100


def headcode(identifier: UUID) -> str:
    """Return the headcode of a saga.

    It follows from the random end of the UUIDv7, whose beginning is the time.
    """
    rest, number = divmod(identifier.int & 0xFFFFFFFF, NUMBERS)
    rest, route = divmod(rest, len(ROUTES))
    return f"{CLASSES[rest % len(CLASSES)]}{ROUTES[route]}{number:02d}"
