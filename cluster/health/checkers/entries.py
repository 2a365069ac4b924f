"""The search of the journal for changed entries.

The journal counts without a gap and is pruned at its beginning only, so that its rows are added up
by block of `seq`: what is left of an unpruned block must be what was there at the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cluster.health.checkers.checkpoint import NO_ROWS, JournalRows, Rows
from cluster.health.checkers.snapshot import Snapshots

BLOCK: Final = 4096
ENTRY_HASH: Final = "hashtextextended(subject, seq # %(salt)s)"
EXTENT: Final = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM public.journal"
CHANGED: Final = f"""
    SELECT seq, {ENTRY_HASH}, age(xmin) > (SELECT age(%(now)s::text::xid)), subject
      FROM public.journal WHERE age(xmin) <= (SELECT age(%(since)s::text::xid))
"""  # noqa: S608
# One pass for both, since entries are wide.
BLOCKS: Final = f"""
    SELECT seq / {BLOCK}, count(*), sum({ENTRY_HASH})::text,
           array_agg(seq) FILTER (WHERE subject = ANY (%(subjects)s::text[]))
      FROM public.journal GROUP BY 1
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Entry:
    """A changed entry. `settled`: its transaction had ended when the present snapshot began."""

    seq: int
    hash: int
    settled: bool
    subject: str


@dataclass(frozen=True, slots=True)
class Entries:
    """The journal's rows by block, its changed entries, and those of some streams."""

    first: int
    last: int
    blocks: Mapping[int, Rows]
    changed: Sequence[Entry]
    of_streams: Sequence[int]

    def has_lost(self, before: JournalRows) -> bool:
        """Return whether an entry has gone, or might have, except by pruning."""
        if before.last == 0:
            return False
        if self.last < before.last or self.first < before.first:
            return True
        return any(self._lost(block, rows, before) for block, rows in before.blocks.items())

    def rows(self) -> JournalRows:
        """Return all rows that are settled."""
        blocks = dict(self.blocks)
        in_flight = [entry for entry in self.changed if not entry.settled]
        for entry in in_flight:
            blocks[entry.seq // BLOCK] = blocks[entry.seq // BLOCK].minus(entry.hash)
        # Those in flight are the last ones, since one process writes them all.
        return JournalRows(self.first, self.last - len(in_flight), blocks)

    def _lost(self, block: int, rows: Rows, before: JournalRows) -> bool:
        changed = [entry for entry in self.changed if entry.seq // BLOCK == block]
        if max(block * BLOCK, before.first) < self.first:  # pruned, wholly or in part
            return any(entry.seq <= before.last for entry in changed)
        added = [entry.hash for entry in changed if entry.seq > before.last]
        return self.blocks.get(block, NO_ROWS).minus(*added) != rows


def changed_entries(snapshots: Snapshots, marks: Mapping[str, Any]) -> list[Entry]:
    """Return the entries written since. `marks`: the transactions and the salt of `changes.py`."""
    return [Entry(*row) for row in snapshots.rows("site", CHANGED, marks)]


def find_entries(
    snapshots: Snapshots, changed: Sequence[Entry], subjects: Iterable[str], salt: int
) -> Entries:
    """Add up the journal, and find the entries of some streams."""
    first, last = snapshots.row("site", EXTENT)
    rows = snapshots.rows("site", BLOCKS, {"salt": salt, "subjects": sorted(subjects)})
    return Entries(
        first,
        last,
        {block: Rows.of(count, int(hashes)) for block, count, hashes, _ in rows},
        changed,
        [seq for _, _, _, listed in rows for seq in listed or ()],
    )
