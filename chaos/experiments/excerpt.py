"""The part of the journal that belongs to an incident."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cluster.secrets.postgres import database
from cluster.storefront.events import StreamEvent
from cluster.storefront.journal import queries

# Documents are drawn and kept whole, and no figure can show more than this.
MOST_EVENTS: Final = 8_000


def last_seq() -> int:
    """Return the last seq of the journal, or raise DatabaseUnavailable."""
    with database("site", auditor=True).connect(autocommit=True) as connection:
        return queries.last_seq(connection.cursor())


def events_between(after: int, up_to: int, began: datetime, ended: datetime) -> list[StreamEvent]:
    """Return the first MOST_EVENTS entries of that range and time, or raise DatabaseUnavailable."""
    with database("site", auditor=True).connect(autocommit=True) as connection:
        return queries.events_between(
            connection.cursor(),
            after=after,
            up_to=up_to,
            began=began,
            ended=ended,
            most=MOST_EVENTS,
        )
