"""Rows of identity, as others read them: limits spent and restored, receipts, tokens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

COUNT_HELD: Final = "SELECT count(*) FROM hold WHERE id = ANY (%s) AND state = 'held'"
SPENT: Final = "SELECT id, amount FROM spend WHERE id = ANY (%s)"
RESTORED: Final = "SELECT id, amount FROM limit_restoration WHERE id = ANY (%s)"
RECEIPTS: Final = """
    SELECT service, (receipt ->> 'attempt')::int, (receipt ->> 'rows')::bigint
      FROM erasure, jsonb_each(receipts) AS r (service, receipt) WHERE id = %s ORDER BY service
"""
# Of the view for pages, which counts the secrets that were used and shows none.
FAMILIES: Final = (
    "SELECT id, state, uses, updated_at FROM token_family WHERE id = ANY (%s) ORDER BY id"
)


class Receipt(NamedTuple):
    """A service's answer to an erasure, with the number of its rows under the pseudonym."""

    service: str
    attempt: int
    rows: int


class FamilyRow(NamedTuple):
    """A family of tokens, with the number of secrets that were used."""

    id: UUID
    state: str
    uses: int
    updated_at: datetime


def count_held(cursor: Cursor, ids: Collection[UUID]) -> int:
    """Return how many of these checkouts still hold a part of a limit."""
    (count,) = cursor.execute(COUNT_HELD, (list(ids),)).fetchone() or (0,)
    return int(count)


def spent(cursor: Cursor, ids: Collection[UUID]) -> dict[UUID, int]:
    """Return what each of these checkouts has spent of a limit, in pence."""
    return dict(cursor.execute(SPENT, (list(ids),)).fetchall())


def restored(cursor: Cursor, ids: Collection[UUID]) -> dict[UUID, int]:
    """Return what each of these refunds has restored to a limit, in pence."""
    return dict(cursor.execute(RESTORED, (list(ids),)).fetchall())


def receipts(cursor: Cursor, erasure: UUID) -> list[Receipt]:
    """Return the answers of the services to an erasure, by service."""
    return [Receipt(*row) for row in cursor.execute(RECEIPTS, (erasure,))]


def token_families(cursor: Cursor, ids: Collection[UUID]) -> list[FamilyRow]:
    """Return the families of tokens of these ids."""
    return [FamilyRow(*row) for row in cursor.execute(FAMILIES, (list(ids),))]
