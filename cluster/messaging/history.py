"""Closes the history of a service: rows beyond the horizon become opening balances.

Rows of one saga lie in six databases, and no two of them close it at the same moment. So each
closes by itself what has ended and is older than the horizon, and the transaction that deletes the
rows adds to its own tables what verification would have read of them:

- `opening_digest`: by relation and bucket, the number of rows and the sum of their hashes;
- `opening_balance`: the sums by product, visitor and account;
- `closed_history`: the first id that no closed row may have.

The inbox begins no stream of an older id again (`streams.py`): docs/adr/0041-bounded-history.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from cluster.messaging.envelope import TIME_ORDERED, UUID_PATTERN, first_id_at, is_older
from cluster.messaging.work import UnitOfWork
from config.retention import horizon

# What a stream of a saga, a refund or an erasure is about. Products and tokens live longer.
AGGREGATES: Final = (
    "saga",
    "checkout",
    "hold",
    "spend",
    "reservation",
    "sale",
    "order",
    "payment",
    "refund",
    "erasure",
    "notice",
)
# A short transaction, since the service applies no message meanwhile.
PER_RUN: Final = 200  # ids
# The first ids are blocked for ever by what is never settled, so more are looked at.
_LOOKED_AT: Final = 2 * PER_RUN


@dataclass(frozen=True, slots=True)
class History:
    """The tables of a service that grow with its sagas.

    `tables` gives the column with the id of the saga, refund or erasure. `moving` selects those ids
    before %(first_kept)s, as text, whose rows may still change or have changed since %(before)s.
    `together` selects ids that close with those of `alone`. `kept` names the tables without an end.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    moving: str = "SELECT NULL::text WHERE false"
    together: str = "SELECT NULL::uuid WHERE false"
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows that verification compares: `query` gives (part, bucket, hash) of each."""

    name: str
    query: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


_OLD: Final = f"""
    split_part(subject, '/', 2) < %(first_kept)s::text COLLATE "C"
    AND subject ~ '/{UUID_PATTERN}$' AND substr(split_part(subject, '/', 2), 15, 1) = '7'
    AND updated_at < %(before)s
    AND split_part(subject, '/', 2) NOT IN (SELECT id FROM blocked)
"""  # noqa: S608 - no input
# The ranges can be read from the primary keys of the streams.
CLOSE: Final = """
    WITH blocked (id) AS MATERIALIZED (
        {moving}
        UNION SELECT split_part(subject, '/', 2) FROM outbox
        UNION SELECT split_part(subject, '/', 2) FROM parked
        UNION SELECT split_part(subject, '/', 2) FROM dead_letter WHERE replayed_at IS NULL
    ), old (id) AS MATERIALIZED (
        SELECT DISTINCT split_part(subject, '/', 2) FROM (
            SELECT s.subject
              FROM unnest(%(aggregates)s::text[]) AS aggregate, LATERAL (
                SELECT subject FROM outbox_stream
                 WHERE subject >= aggregate || '/' AND subject < aggregate || '/' || %(first_kept)s
                   AND {old} ORDER BY subject LIMIT %(most)s) AS s
            UNION ALL
            SELECT s.subject
              FROM unnest(%(sources)s::text[], %(heard)s::text[]) AS t (source, aggregate),
                   LATERAL (
                SELECT subject FROM inbox_stream i
                 WHERE i.source = t.source
                   AND subject >= aggregate || '/' AND subject < aggregate || '/' || %(first_kept)s
                   AND {old} ORDER BY subject LIMIT %(most)s) AS s
        ) AS streams ORDER BY 1 LIMIT {looked_at}
    ), outbound AS MATERIALIZED (
        SELECT old.id, subject, updated_at
          FROM old, unnest(%(aggregates)s::text[]) AS aggregate
          JOIN outbox_stream ON true WHERE subject = aggregate || '/' || old.id
    ), inbound AS MATERIALIZED (
        SELECT old.id, i.source, subject, updated_at
          FROM old, unnest(%(sources)s::text[], %(heard)s::text[]) AS t (source, aggregate),
               inbox_stream i
         WHERE i.source = t.source AND subject = aggregate || '/' || old.id
    ), alone (id) AS MATERIALIZED (
        SELECT id::uuid FROM old
         WHERE id NOT IN (SELECT id FROM outbound WHERE updated_at >= %(before)s)
           AND id NOT IN (SELECT id FROM inbound WHERE updated_at >= %(before)s)
         ORDER BY id LIMIT %(most)s
    ), batch (id) AS MATERIALIZED (
        SELECT id FROM alone UNION {together}
    ), outbox_stream AS (
        DELETE FROM outbox_stream WHERE subject IN (
            SELECT aggregate || '/' || id FROM batch, unnest(%(aggregates)s::text[]) AS aggregate)
        RETURNING *
    ), inbox_stream AS (
        DELETE FROM inbox_stream WHERE (source, subject) IN (
            SELECT t.source, aggregate || '/' || id
              FROM batch, unnest(%(sources)s::text[], %(heard)s::text[]) AS t (source, aggregate))
        RETURNING *
    ){deletions}{digested}{summed}, horizon AS (
        INSERT INTO closed_history AS h (id, first_kept)
        SELECT 1, %(first_kept)s::uuid WHERE EXISTS (SELECT FROM batch)
        ON CONFLICT (id) DO UPDATE SET first_kept = EXCLUDED.first_kept
         WHERE h.first_kept < EXCLUDED.first_kept
    )
    SELECT count(*) FROM batch
"""
_DELETED: Final = """, {table} AS (
        DELETE FROM {table} WHERE {column} IN (SELECT id FROM batch) RETURNING *
    )"""
_KEPT: Final = ", {table} AS (SELECT * FROM {table} WHERE false)"
_DIGESTED: Final = """, digested AS (
        INSERT INTO opening_digest AS d (relation, part, bucket, rows, hashes)
        SELECT relation::text, part, bucket, count(*), sum(hash) FROM ({rows}) AS closed
         GROUP BY relation, part, bucket
        ON CONFLICT (relation, part, bucket) DO UPDATE
           SET rows = d.rows + EXCLUDED.rows, hashes = d.hashes + EXCLUDED.hashes
    )"""
_SUMMED: Final = """, summed AS (
        INSERT INTO opening_balance AS b (name, key, amount)
        SELECT name, key, sum(amount) FROM ({rows}) AS closed (name, key, amount)
         GROUP BY name, key
        ON CONFLICT (name, key) DO UPDATE SET amount = b.amount + EXCLUDED.amount
    )"""


class Closing:
    """Closes one database's history. `relations` and `sums` read the tables that it deletes from.

    A query of them sees the rows of the batch alone: the name of a table stands for what was
    deleted from it. `streams` are the (source, aggregate) that the inbox of the service hears.
    """

    def __init__(
        self,
        history: History,
        *,
        relations: Sequence[Relation],
        sums: Sequence[str],
        streams: Collection[tuple[str, str]],
    ) -> None:
        heard = sorted(stream for stream in streams if stream[1] in AGGREGATES)
        self._parameters: dict[str, Any] = {
            "aggregates": list(AGGREGATES),
            "sources": [source for source, _ in heard],
            "heard": [aggregate for _, aggregate in heard],
            "most": PER_RUN,
        }
        digested = []
        for number, relation in enumerate(relations):
            query = relation.query
            for name, value in relation.parameters.items():
                query = query.replace(f"%({name})s", f"%({name}_{number})s")
                self._parameters[f"{name}_{number}"] = value
            self._parameters[f"relation_{number}"] = relation.name
            rows = f"({query}) AS pairs (part, bucket, hash)"
            digested.append(f"SELECT %(relation_{number})s AS relation, * FROM {rows}")  # noqa: S608
        self._statement = CLOSE.format(
            moving=history.moving,
            together=history.together,
            old=_OLD,
            looked_at=_LOOKED_AT,
            deletions="".join(
                _DELETED.format(table=table, column=column)
                for table, column in history.tables.items()
            )
            + "".join(_KEPT.format(table=table) for table in history.kept),
            digested=_DIGESTED.format(rows=" UNION ALL ".join(digested)) if digested else "",
            summed=_SUMMED.format(rows=" UNION ALL ".join(sums)) if sums else "",
        )

    def close(self, work: UnitOfWork, *, before: datetime) -> int:
        """Close what had ended before a moment, at most PER_RUN ids, and return their number."""
        first_kept = first_id_at(before)
        parameters = {**self._parameters, "before": before, "first_kept": str(first_kept)}
        (closed,) = work.cursor.execute(self._statement.encode(), parameters).fetchone() or (0,)
        return int(closed)


RENAME: Final = """
    WITH moved AS (
        DELETE FROM opening_balance WHERE name = ANY (%(names)s) AND key = %(key)s
        RETURNING name, amount
    )
    INSERT INTO opening_balance AS b (name, key, amount) SELECT name, %(other)s, amount FROM moved
    ON CONFLICT (name, key) DO UPDATE SET amount = b.amount + EXCLUDED.amount
"""


def rename_balances(work: UnitOfWork, *, names: Sequence[str], key: str, other: str) -> None:
    """Add the balances of a key to those of another one."""
    work.cursor.execute(RENAME, {"names": list(names), "key": key, "other": other})


def closed_note(about: UUID) -> str:
    """Return the sentence to add where nothing is found of an id beyond the horizon, or ""."""
    if not is_older(about, horizon(), datetime.now(UTC)):
        return ""
    return f" What ended more than {horizon().days} days ago is closed: only its sums are kept."


def is_closed(first_kept: UUID, about: UUID) -> bool:
    """Return whether the rows of an id may have been closed, by the first one that was kept."""
    return about.version == TIME_ORDERED and about < first_kept
