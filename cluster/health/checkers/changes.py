"""The search for what changed in the databases since a checkpoint, and for what has gone."""

from __future__ import annotations

import math
import re
import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from cluster.health.checkers.audited import AUDITED, LINKS, Audited
from cluster.health.checkers.checkpoint import (
    NO_ROWS,
    Checkpoint,
    Position,
    Rows,
    UnusableCheckpoint,
)
from cluster.health.checkers.entries import Entries, find_entries
from cluster.health.checkers.snapshot import Snapshots
from cluster.messaging.contract import REGISTRY
from config.environment import DATABASES

# A transaction id has 32 bits, and is compared with others up to half of them away.
MOST_TRANSACTIONS: Final = 2**30
BUCKETS: Final = 1024
# With more changed rows than this, and more than a quarter of all, to read all is no more work.
MANY_ROWS: Final = 20_000
MOST_TRIES: Final = 20_000  # to find which changed rows of a bucket were there before

POSITION: Final = """
    SELECT concat_ws(' ', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), oid),
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      FROM pg_control_system(), pg_database WHERE datname = current_database()
"""
COUNTED: Final = """
    SELECT (hash & {mask})::int, count(*), sum(hash)::text
      FROM (SELECT {hash} AS hash FROM public.{table}) AS rows GROUP BY 1
"""
# `age` counts back from the present and so survives the wrap-around of transaction ids: a row from
# after the checkpoint is always found, and one from long before may be found as well.
CHANGED: Final = """
    SELECT {hash}, age(xmin) > (SELECT age(%(now)s::text::xid)), {ids}, {subject}, {visitor}
      FROM public.{table} WHERE age(xmin) <= (SELECT age(%(since)s::text::xid))
"""
LINKED: Final = """
    SELECT id::text, order_id::text FROM public.{table}
     WHERE id = ANY (%(ids)s::uuid[]) OR order_id = ANY (%(ids)s::uuid[])
"""
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that was written since. `settled`: its transaction had ended before this snapshot."""

    hash: int
    settled: bool
    ids: Sequence[str]
    subject: str | None
    visitor: str | None


@dataclass(frozen=True, slots=True)
class Searched:
    """One table: all of its rows by bucket, and its changed ones."""

    buckets: Mapping[int, Rows]
    changed: Sequence[ChangedRow]

    def rows(self) -> dict[int, Rows]:
        """Return all rows that are settled."""
        buckets = dict(self.buckets)
        for row in self.changed:
            if not row.settled and buckets:
                bucket = row.hash % BUCKETS
                buckets[bucket] = buckets[bucket].minus(row.hash)
        return buckets

    def has_lost(self, before: Mapping[int, Rows]) -> bool:
        """Return whether a row has gone that was there before, or whether that is undecided.

        What is missing among the unchanged rows of a bucket must be some of its changed rows.
        """
        changed: dict[int, list[int]] = {}
        for row in self.changed:
            changed.setdefault(row.hash % BUCKETS, []).append(row.hash)
        for bucket in before.keys() | self.buckets.keys():
            written = sorted(changed.get(bucket, ()))
            unchanged = self.buckets.get(bucket, NO_ROWS).minus(*written)
            if not _are_among(before.get(bucket, NO_ROWS), unchanged, written):
                return True
        return False


def _are_among(before: Rows, unchanged: Rows, changed: Sequence[int]) -> bool:
    """Return whether the rows that are not unchanged any more are some of the changed ones."""
    missing = before.count - unchanged.count
    hashes = (before.hashes - unchanged.hashes) % 2**64
    if missing == 0 or not 0 <= missing <= len(changed):
        return missing == 0 and hashes == 0
    if math.comb(len(changed), missing) > MOST_TRIES:
        return False
    return any(sum(some) % 2**64 == hashes for some in combinations(changed, missing))


@dataclass(frozen=True, slots=True)
class Search:
    """All that a search has found: rows by database and table, entries, and what they are about."""

    positions: Mapping[str, Position]
    salt: int
    tables: Mapping[str, Mapping[str, Searched]]
    entries: Entries
    ids: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    visitors: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """The number of changed rows."""
        tables = (table for found in self.tables.values() for table in found.values())
        return sum(len(table.changed) for table in tables) + len(self.entries.changed)

    def checkpoint(self, *, by: str, pending: Collection[str] = ()) -> Checkpoint:
        """Return the checkpoint of the present snapshots, in which these ids were in flight."""
        return Checkpoint(
            at=time.time(),
            by=by,
            salt=self.salt,
            positions=dict(self.positions),
            tables={
                name: {table: searched.rows() for table, searched in found.items()}
                for name, found in self.tables.items()
            },
            journal=self.entries.extent(),
            pending=sorted(pending),
        )


def search_all(snapshots: Snapshots) -> Search:
    """Search as if there had been a checkpoint at this moment, to have the rows for a new one."""
    return _search(snapshots, _positions(snapshots), {}, secrets.randbits(63))


def search(snapshots: Snapshots, since: Checkpoint) -> Search:
    """Return what changed since a checkpoint.

    Raises UnusableCheckpoint when that may not be all, or is too much.
    """
    now = _positions(snapshots)
    for name, position in now.items():
        earlier = since.positions.get(name)
        if earlier is None or earlier.database != position.database:
            raise UnusableCheckpoint(f"the database {name} is another one than at the checkpoint")
        if not 0 <= position.xmin - earlier.xmin < MOST_TRANSACTIONS:
            raise UnusableCheckpoint(f"the transactions of {name} do not follow the checkpoint's")
    found = _search(snapshots, now, since.positions, since.salt, since.pending)
    for name, tables in found.tables.items():
        for audited in AUDITED[name]:
            before = since.tables.get(name, {}).get(audited.table)
            if before is None:
                raise UnusableCheckpoint("the checkpoint is of another revision")
            kept = without_closed(name, audited.table, before)
            if audited.counted and tables[audited.table].has_lost(kept):
                raise UnusableCheckpoint(f"rows have left the table {audited.table} of {name}")
    if found.entries.has_lost(since.journal):
        raise UnusableCheckpoint("entries of the journal were deleted or rewritten")
    rows = sum(
        rows.count
        for by_table in found.tables.values()
        for table in by_table.values()
        for rows in table.buckets.values()
    )
    if found.rows > MANY_ROWS and found.rows * 4 > rows:
        raise UnusableCheckpoint(f"{found.rows:,} rows have changed, more than a quarter")
    return found


def without_closed(_database: str, _table: str, rows: Mapping[int, Rows]) -> Mapping[int, Rows]:
    """Return the rows of a table at the checkpoint that nobody was allowed to delete since.

    Nothing deletes rows of these tables yet. Who closes old ones into balances takes them off here.
    """
    return rows


def _positions(snapshots: Snapshots) -> dict[str, Position]:
    return {name: Position(*snapshots.row(name, POSITION)) for name in DATABASES}


def _search(
    snapshots: Snapshots,
    now: Mapping[str, Position],
    since: Mapping[str, Position],
    salt: int,
    pending: Iterable[str] = (),
) -> Search:
    def marks(name: str) -> dict[str, Any]:
        return {
            "salt": salt,
            "now": str(now[name].xmin % 2**32),
            "since": str(since.get(name, now[name]).xmin % 2**32),
        }

    def tables(name: str) -> dict[str, Searched]:
        return {one.table: _table(snapshots, name, one, marks(name)) for one in AUDITED[name]}

    with ThreadPoolExecutor(len(DATABASES)) as threads:
        found = dict(zip(DATABASES, threads.map(tables, DATABASES), strict=True))
    changed = [
        row for by_table in found.values() for table in by_table.values() for row in table.changed
    ]
    about = (id_ for row in changed for id_ in row.ids)
    ids = _linked(snapshots, {*pending, *about})
    subjects = {row.subject for row in changed if row.subject is not None} | _subjects(ids)
    entries = find_entries(snapshots, subjects, marks("site"))
    # Entries seldom change without their stream: when somebody is forgotten, or by hand.
    if more := {entry.subject for entry in entries.found} - subjects:
        ids = _linked(snapshots, {*ids, *map(_id_of, more)})
        subjects |= more | _subjects(ids)
        entries = find_entries(snapshots, subjects, marks("site"))
    return Search(
        positions=now,
        salt=salt,
        tables=found,
        entries=entries,
        ids=frozenset(ids),
        subjects=frozenset(subjects),
        visitors=frozenset(row.visitor for row in changed if row.visitor is not None),
    )


def _table(snapshots: Snapshots, name: str, audited: Audited, marks: Mapping[str, Any]) -> Searched:
    parts = {
        "table": audited.table,
        "hash": audited.hash,
        "ids": audited.ids,
        "subject": audited.subject,
        "visitor": audited.visitor,
        "mask": BUCKETS - 1,
    }
    salt = {"salt": marks["salt"]}
    counted = snapshots.rows(name, COUNTED.format(**parts), salt) if audited.counted else []
    changed = snapshots.rows(name, CHANGED.format(**parts), marks)
    return Searched(
        {bucket: Rows.of(count, int(hashes)) for bucket, count, hashes in counted},
        [ChangedRow(*row) for row in changed],
    )


def _linked(snapshots: Snapshots, ids: Iterable[str]) -> set[str]:
    """Return ids with those of the refunds of each order, and of the order of each refund."""
    known: set[str] = set()
    found = set(ids)
    while new := found - known:
        known |= new
        listed = {"ids": uuids(new)}
        for name, table in LINKS.items():
            for pair in snapshots.rows(name, LINKED.format(table=table), listed):
                found.update(pair)
    return found


def _id_of(subject: str) -> str:
    """Return the id in the name of a stream, as `split_part` finds it."""
    _, _, rest = subject.partition("/")
    return rest.partition("/")[0]


def _subjects(ids: Iterable[str]) -> set[str]:
    """Return the names of all streams about these ids."""
    aggregates = {declared.aggregate for declared in REGISTRY.values()}
    return {f"{aggregate}/{id_}" for id_ in ids for aggregate in aggregates}


def uuids(ids: Iterable[str]) -> list[str]:
    """Return those that are UUIDs, sorted. A stream may be named after something else."""
    return sorted(id_ for id_ in ids if UUID.fullmatch(id_))
