"""Reading and writing limits and holds, a batch at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from cluster.identity.domain.limits import DEFAULT_LIMIT, Hold, HoldState, Limit
from cluster.messaging.row_digest import digest_of
from cluster.messaging.work import UnitOfWork


def limit_digest(visitor: str, amount: str) -> str:
    """Return the SQL expression of the digest of a visitor's limit."""
    return digest_of(visitor, amount)


# Locked in the order of their keys: two batches that share visitors wait for
# each other and never deadlock.
OPEN_LIMITS: Final = f"""
    INSERT INTO visitor_limit (visitor, limit_amount, held, spent, digest)
    SELECT visitor, amount, 0, 0, {limit_digest("visitor", "amount")}
      FROM unnest(%b::text[]) AS visitor, (SELECT %b::bigint AS amount) AS opened
     ORDER BY visitor
    ON CONFLICT (visitor) DO NOTHING
"""  # noqa: S608
LOCK_LIMITS: Final = """
    SELECT visitor, limit_amount, held, spent FROM visitor_limit
     WHERE visitor = ANY(%s) ORDER BY visitor FOR UPDATE
"""
SAVE_LIMITS: Final = """
    UPDATE visitor_limit SET held = t.held, spent = t.spent
      FROM unnest(%b::text[], %b::bigint[], %b::bigint[]) AS t (visitor, held, spent)
     WHERE visitor_limit.visitor = t.visitor
"""
LOCK_HOLDS: Final = """
    SELECT id, visitor, amount, state, version FROM hold
     WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
SAVE_HOLDS: Final = """
    INSERT INTO hold (id, visitor, amount, state, version, created_at, updated_at)
    SELECT id, visitor, amount, state, version, %s, %s
      FROM unnest(%b::uuid[], %b::text[], %b::bigint[], %b::text[], %b::int[])
        AS t (id, visitor, amount, state, version)
    ON CONFLICT (id) DO UPDATE
       SET state = EXCLUDED.state, version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
"""


def lock_limits(work: UnitOfWork, visitors: Collection[str]) -> dict[str, Limit]:
    """Return the limits of these visitors, locked, creating those that are missing."""
    names = sorted(set(visitors))
    limits = _lock(work, names)
    unknown = [name for name in names if name not in limits]
    if unknown:
        work.cursor.execute(OPEN_LIMITS.encode(), (unknown, DEFAULT_LIMIT))
        limits = _lock(work, names)
    return limits


def _lock(work: UnitOfWork, names: list[str]) -> dict[str, Limit]:
    work.cursor.execute(LOCK_LIMITS, (names,))
    return {row[0]: Limit(*row) for row in work.cursor.fetchall()}


def save_limits(work: UnitOfWork, limits: Collection[Limit]) -> None:
    work.cursor.execute(
        SAVE_LIMITS,
        (
            [limit.visitor for limit in limits],
            [limit.held for limit in limits],
            [limit.spent for limit in limits],
        ),
    )


def lock_holds(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Hold]:
    """Return the holds that exist of these checkouts, locked."""
    work.cursor.execute(LOCK_HOLDS, (list(ids),))
    return {
        id_: Hold(visitor, amount, HoldState(state), version)
        for id_, visitor, amount, state, version in work.cursor.fetchall()
    }


def save_holds(work: UnitOfWork, holds: Mapping[UUID, Hold]) -> None:
    work.cursor.execute(
        SAVE_HOLDS,
        (
            work.now,
            work.now,
            list(holds),
            [hold.visitor for hold in holds.values()],
            [hold.amount for hold in holds.values()],
            [hold.state.value for hold in holds.values()],
            [hold.version for hold in holds.values()],
        ),
    )
