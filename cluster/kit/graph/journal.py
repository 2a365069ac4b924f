"""The graph's queries of the journal, for only the columns that it draws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from cluster.kit.graph.model import GraphEvent, milliseconds
from cluster.storefront.events import CODES, Mark, Verb, telling
from cluster.storefront.headcode import headcode
from cluster.storefront.models import JournalEntry

# A view is bounded by entries as well as by time: ten thousand traces cannot be read.
MOST_ENTRIES: Final = 4000
COLUMNS: Final = ("seq", "time", "recorded_at", "source", "type", "correlation")


def latest_entries(span: timedelta) -> list[GraphEvent]:
    """Return the entries that the journal has recorded in the last `span`, in order of seq."""
    since = datetime.now(UTC) - span
    newest_first = JournalEntry.objects.order_by("-seq").values_list(*COLUMNS)[:MOST_ENTRIES]
    entries = []
    for row in newest_first.iterator(chunk_size=500):
        entry = _entry(row)
        if entry.at < milliseconds(since):
            break
        entries.append(entry)
    return entries[::-1]


def entries_of(saga: UUID) -> list[GraphEvent]:
    """Return the journal's entries of one saga, at most MOST_ENTRIES."""
    of_saga = JournalEntry.objects.filter(correlation=saga).order_by("seq")
    return [_entry(row) for row in of_saga.values_list(*COLUMNS)[:MOST_ENTRIES]]


def knows(saga: UUID) -> bool:
    """Return whether the journal has entries of a saga.

    It has none of another cluster's saga, nor of a purged one.
    """
    return JournalEntry.objects.filter(correlation=saga).exists()


def latest_saga(ending: str) -> UUID | None:
    """Return the saga that ended last with an event of this type, among the latest entries."""
    newest = JournalEntry.objects.order_by("-seq").values_list("correlation", "type")
    return next((saga for saga, type_ in newest[:MOST_ENTRIES] if type_ == ending), None)


def _entry(row: tuple[Any, ...]) -> GraphEvent:
    seq, time, recorded_at, source, type_, saga = row
    said: Any = telling(type_)
    return GraphEvent(
        seq=seq,
        at=milliseconds(time or recorded_at),  # the former is None where it cannot be read
        code=CODES.get(source, "???"),
        type=type_,
        mark=said.mark if said else Mark.UNKNOWN,
        verb=said.verb if said else Verb.TOLD,
        saga=str(saga),
        headcode=headcode(saga),
    )
