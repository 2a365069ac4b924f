"""Reading journal rows whose content may be unreadable for Python.

Writers refuse such content now. A database from before may still have a time that Python cannot
represent, or data that its JSON parser refuses. A row like that is shown as unreadable, under its
number, and stops neither the stream nor a page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cluster.storefront.events import StreamEvent, present, present_unreadable

if TYPE_CHECKING:
    from cluster.storefront.models import JournalEntry

# Null where it is not readable. The first and the last day that Python can represent are left out,
# so that every time zone can show it. `{0}` is the column.
READABLE_TIME: Final = (
    "CASE WHEN {0} >= '0001-01-02 00:00+00' AND {0} < '9999-12-30 00:00+00' THEN {0} END"
)
COLUMNS: Final = f"""
    seq, message_id, source, type, subject, sequence, correlation,
    {READABLE_TIME.format("time")}, recorded_at, (envelope->'data')::text
"""


def presented(row: Sequence[Any]) -> StreamEvent:
    """Return one row of COLUMNS as pages and browsers see it.

    No content of the row makes it raise.
    """
    seq, message_id, source, type_name, subject, sequence, correlation, time, came, data = row
    entry: dict[str, Any] = {
        "seq": seq,
        "message_id": message_id,
        "source": source,
        "type_name": type_name,
        "subject": subject,
        "sequence": sequence,
        "correlation": correlation,
    }
    try:
        payload = None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        time = None
    if time is None:
        return present_unreadable(**entry, time=came)
    return present(**entry, time=time, data=payload)


def presented_entry(entry: JournalEntry) -> StreamEvent:
    """Return one journal entry of Django's as pages and browsers see it.

    No content of the entry makes it raise.
    """
    columns: dict[str, Any] = {
        "seq": entry.seq,
        "message_id": entry.message_id,
        "source": entry.source,
        "type_name": entry.type,
        "subject": entry.subject,
        "sequence": entry.sequence,
        "correlation": entry.correlation,
    }
    if entry.time is None or not isinstance(entry.envelope, dict):
        return present_unreadable(**columns, time=entry.recorded_at)
    return present(**columns, time=entry.time, data=entry.envelope.get("data"))
