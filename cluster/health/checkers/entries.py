"""The search of the journal for changed entries, and for those of changed streams.

The journal counts on without a gap, and is pruned at its beginning only. So no entry has gone
while there is no gap, unless another has its number. Only an erasure rewrites entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cluster.health.checkers.checkpoint import Extent
from cluster.health.checkers.snapshot import Snapshots

EXTENT: Final = """
    SELECT coalesce(min(seq), 0), coalesce(max(seq), 0), count(*) FROM public.journal
"""
# One pass for both, since entries are wide.
ENTRIES: Final = """
    SELECT seq, subject, age(xmin) <= (SELECT age(%(since)s::text::xid)),
           age(xmin) > (SELECT age(%(now)s::text::xid))
      FROM public.journal
     WHERE age(xmin) <= (SELECT age(%(since)s::text::xid))
        OR subject = ANY (%(subjects)s::text[])
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that is `changed`, or of a changed stream.

    `settled`: its transaction had ended when the present snapshot began.
    """

    seq: int
    subject: str
    changed: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Entries:
    """The journal's ends and number, its changed entries, and all others of the same streams."""

    first: int
    last: int
    count: int
    found: Sequence[Entry]

    @property
    def changed(self) -> list[Entry]:
        return [entry for entry in self.found if entry.changed]

    def has_lost(self, before: Extent) -> bool:
        """Return whether an entry may have gone that was there before, except by pruning."""
        if self.last < before.last or (self.count and self.last - self.first + 1 != self.count):
            return True
        return any(entry.seq <= before.last for entry in self.changed)

    def extent(self) -> Extent:
        """Return the extent of what is settled."""
        in_flight = [entry.seq for entry in self.changed if not entry.settled]
        return Extent(self.first, min([self.last + 1, *in_flight]) - 1)


def find_entries(
    snapshots: Snapshots, subjects: Iterable[str], marks: Mapping[str, Any]
) -> Entries:
    """Return the changed entries and those of some streams. `marks`: see `changes.py`."""
    first, last, count = snapshots.row("site", EXTENT)
    parameters = {**marks, "subjects": sorted(subjects)}
    return Entries(
        first, last, count, [Entry(*row) for row in snapshots.rows("site", ENTRIES, parameters)]
    )
