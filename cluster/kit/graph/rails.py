"""The rails of the train graph and where they lie. Pixels, from the top.

The order is that of a good checkout: hold the limit (IDN), reserve the stock (CAT),
authorise the payment (PAY), confirm the order (ORD), complete (CHK). So a checkout that
goes well runs downward, one that is compensated runs back up, and the one hop against
the stream is the capture, for which it returns from ORD to PAY. CHK sends all the
commands, so it stands at the end and is not drawn between any two steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RAILS: Final = ("IDN", "CAT", "PAY", "ORD", "CHK")
# The site: a checkout enters from there, above the first rail.
ENTRY: Final = "WEB"
# The servers that all services share (broker, cache, secrets, the site): a thin strip of its own.
SHARED: Final = "SHR"

NAMES: Final[Mapping[str, str]] = {
    "IDN": "identity",
    "CAT": "catalog",
    "PAY": "payments",
    "ORD": "orders",
    "CHK": "checkout",
    SHARED: "shared servers",
}

HEADCODE_Y: Final = 24  # the baseline of the headcodes
ENTRY_Y: Final = 31
FIRST_RAIL_Y: Final = 54
RAIL_GAP: Final = 58
SHARED_Y: Final = 334
AXIS_Y: Final = 357  # the baseline of the times
HEIGHT: Final = 366
# Above a recorded incident there is room for three rows of named moments.
FLAGS_HEIGHT: Final = 46


def y_of(code: str) -> int:
    """Return the y of a rail, or of a journey that is still at the site."""
    if code == ENTRY:
        return ENTRY_Y
    if code in RAILS:
        return FIRST_RAIL_Y + RAIL_GAP * RAILS.index(code)
    return SHARED_Y


def drawn_on(code: str) -> str:
    """Return the rail on which a process is drawn, the shared one for the site."""
    return code if code in RAILS else SHARED
