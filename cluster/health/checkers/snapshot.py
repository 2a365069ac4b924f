"""A consistent view of each database, read with the auditor's credentials.

Each database is read as of one moment, and the moments differ by milliseconds. A
finding that may differ for that reason is marked `at_rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import psycopg

from cluster.health.checkers.compare import (
    BUCKETS,
    EXAMINED,
    Comparison,
    Digest,
    Row,
    differing_buckets,
    merged,
    rows_of,
    unexplained,
)
from cluster.messaging.history import is_closed
from cluster.secrets.postgres import database
from config.environment import DATABASES

# hashtextextended is the same on every server of one major version.
DIGEST: Final = """
    SELECT part, (hashtextextended(key, 0) & {mask})::int, count(*),
           sum(hashtextextended(key || '=' || value, 1))::text
      FROM ({pairs}) AS pairs (part, key, value)
     GROUP BY 1, 2
"""
# The third condition implies the second, but only the second can be pushed below a GROUP BY key.
DETAIL: Final = """
    SELECT part, key, value, (hashtextextended(key, 0) & {mask})::int,
           hashtextextended(key || '=' || value, 1)
      FROM ({pairs}) AS pairs (part, key, value)
     WHERE (hashtextextended(key, 0) & {mask})::int = ANY (%(buckets)s)
       AND part || ' ' || (hashtextextended(key, 0) & {mask}) = ANY (%(wanted)s)
"""
MASK: Final = BUCKETS - 1
# What closed rows add to the digest of a relation (`cluster/messaging/history.py`).
OPENING: Final = """
    SELECT part, bucket, rows, hashes::text FROM opening_digest WHERE relation = %(relation)s
"""
FIRST_KEPT: Final = "SELECT first_kept FROM closed_history"
NOTHING_CLOSED: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows (part, key, value), all text, that `query` returns from one database.

    Rows of a `relation` leave a balance when they are closed. A query may use %(first_kept)s, the
    first id of which no database has closed anything.
    """

    database: str
    query: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    relation: str = ""


def as_auditor(name: str) -> psycopg.Connection[Any]:
    """Return a connection to a service's database that may read everything and change nothing."""
    return database(name, auditor=True).connect()


class Snapshots:
    """One repeatable-read transaction in each database, for use as a context manager."""

    def __init__(self, connect: Callable[[str], psycopg.Connection[Any]] = as_auditor) -> None:
        self._connect = connect
        self._connections: dict[str, psycopg.Connection[Any]] = {}
        self._stack = ExitStack()
        self._first_kept: UUID | None = None

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for name in DATABASES:
                connection = self._connect(name)
                opening.callback(connection.close)
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                # The first statement takes the snapshot. The others are for large histories.
                connection.execute("SET LOCAL work_mem = '64MB'")
                connection.execute("SET LOCAL jit = off")
                self._connections[name] = connection
            self._stack = opening.pop_all()
        for connection in self._connections.values():
            connection.execute("SELECT 1")
        return self

    @property
    def whole(self) -> Snapshots:
        """The same snapshots with all rows, also of a table that is narrowed to some."""
        return self

    @property
    def ids(self) -> Collection[str] | None:
        """The ids of what is examined, or None for all."""
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def rows(
        self, name: str, query: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        return self._connections[name].execute(query.encode(), parameters or {}).fetchall()

    def row(self, name: str, query: str) -> tuple[Any, ...]:
        """Return the only row of an aggregate."""
        (found,) = self.rows(name, query)
        return found

    def compare(self, left: Sequence[Pairs], right: Sequence[Pairs]) -> dict[str, Comparison]:
        """Compare the union of the left maps with the union of the right ones, by part."""
        left_digests, right_digests = self._digests(left), self._digests(right)
        names = left_digests.keys() | right_digests.keys()
        differing = {
            part: differing_buckets(left_digests.get(part, {}), right_digests.get(part, {}))
            for part in names
        }
        examined = [
            (part, bucket) for part, buckets in differing.items() for bucket in buckets[:EXAMINED]
        ]
        left_rows, right_rows = self._detail(left, examined), self._detail(right, examined)
        counted = self.ids is None and any(pairs.relation for pairs in (*left, *right))
        return {
            part: Comparison(
                max(rows_of(side.get(part, {})) for side in (left_digests, right_digests)),
                unexplained(
                    (left_rows.get(part, {}), right_rows.get(part, {})),
                    (left_digests.get(part, {}), right_digests.get(part, {})),
                    buckets[:EXAMINED],
                    may_be_closed=self.may_be_closed,
                    counted=counted,
                ),
                partial=len(buckets) > EXAMINED,
            )
            for part, buckets in differing.items()
        }

    def look_again(self) -> None:
        """Read anew what has been closed, after a change in the same transactions."""
        self._first_kept = None

    def first_kept(self) -> UUID:
        """Return the first id of which no database has closed anything."""
        if self._first_kept is None:
            kept = (id_ for name in DATABASES for (id_,) in self.rows(name, FIRST_KEPT))
            self._first_kept = max(kept, default=NOTHING_CLOSED)
        return self._first_kept

    def may_be_closed(self, key: str) -> bool:
        """Return whether some database may have closed the id that a key ends with."""
        try:
            return is_closed(self.first_kept(), UUID(key.rpartition("/")[2]))
        except ValueError:
            return False

    def _parameters(self, pairs: Pairs) -> dict[str, Any]:
        return {**pairs.parameters, "first_kept": self.first_kept()}

    def compare_whole(self, left: Pairs, right: Pairs) -> Comparison:
        """Compare two maps that have the one part ""."""
        return self.compare([left], [right]).get("", Comparison(0, ()))

    def _digests(self, sides: Sequence[Pairs]) -> dict[str, Digest]:
        """Return the digest of each part of the union."""
        found: dict[str, list[Digest]] = {}
        for pairs in sides:
            query = DIGEST.format(pairs=pairs.query, mask=MASK)
            by_part: dict[str, dict[int, tuple[int, int]]] = {}
            kept = self.rows(pairs.database, query, self._parameters(pairs))
            for part, bucket, rows, hashes in kept:
                by_part.setdefault(part, {})[bucket] = (rows, int(hashes))
            for part, digest in by_part.items():
                found.setdefault(part, []).append(digest)
            if pairs.relation and self.ids is None:
                opening = {"relation": pairs.relation}
                for part, bucket, rows, hashes in self.rows(pairs.database, OPENING, opening):
                    found.setdefault(part, []).append({bucket: (rows, int(hashes))})
        return {part: merged(digests) for part, digests in found.items()}

    def _detail(
        self, sides: Sequence[Pairs], buckets: Sequence[tuple[str, int]]
    ) -> dict[str, dict[str, Row]]:
        found: dict[str, dict[str, Row]] = {}
        if not buckets:
            return found
        wanted = {
            "buckets": sorted({bucket for _, bucket in buckets}),
            "wanted": [f"{part} {bucket}" for part, bucket in buckets],
        }
        for pairs in sides:
            query = DETAIL.format(pairs=pairs.query, mask=MASK)
            rows = self.rows(pairs.database, query, {**self._parameters(pairs), **wanted})
            for part, key, *row in rows:
                found.setdefault(part, {})[f"{part} {key}" if part else key] = Row(*row)
        return found
