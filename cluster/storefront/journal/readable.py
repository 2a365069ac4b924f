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
_NAMES: Final = (
    "seq", "message_id", "source", "type", "subject", "sequence", "correlation", "time",
    "recorded_at",
)  # fmt: skip
COLUMNS: Final = f"""
    {", ".join(_NAMES[:-2])},
    {READABLE_TIME.format("time")}, recorded_at, (envelope->'data')::text
"""


def presented(row: Sequence[Any]) -> StreamEvent:
    """Return one row of COLUMNS as pages and browsers see it.

    No content of the row makes it raise.
    """
    *_, data = row
    try:
        payload = None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        return _presented(row[:-1], None, is_readable=False)
    return _presented(row[:-1], payload)


def presented_entry(entry: JournalEntry) -> StreamEvent:
    """Return one journal entry of Django's as pages and browsers see it.

    No content of the entry makes it raise.
    """
    columns = [getattr(entry, name) for name in _NAMES]
    if not isinstance(entry.envelope, dict):
        return _presented(columns, None, is_readable=False)
    return _presented(columns, entry.envelope.get("data"))


def _presented(columns: Sequence[Any], data: Any, *, is_readable: bool = True) -> StreamEvent:
    *others, time, recorded_at = columns
    entry = dict(zip(_NAMES, others, strict=False))
    entry["type_name"] = entry.pop("type")
    if time is None or not is_readable:
        return present_unreadable(**entry, time=recorded_at)
    return present(**entry, time=time, data=data)
