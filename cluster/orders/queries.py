"""Rows of orders, as others read them: orders and their refunds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

ORDERS: Final = """
    SELECT id, visitor, sku, quantity, amount, state, version, created_at, updated_at
      FROM orders WHERE id = ANY (%s) ORDER BY id
"""
REFUNDS: Final = """
    SELECT id, state, money_back, stock_back, limit_back
      FROM refund WHERE order_id = %s ORDER BY created_at
"""


class OrderRow(NamedTuple):
    """The order of one checkout (same id), its amount in pence."""

    id: UUID
    visitor: str
    sku: str
    quantity: int
    amount: int
    state: str
    version: int
    created_at: datetime
    updated_at: datetime


class RefundRow(NamedTuple):
    """A refund saga, and which of its three effects it has heard of."""

    id: UUID
    state: str
    money_back: bool
    stock_back: bool
    limit_back: bool


def orders(cursor: Cursor, ids: Collection[UUID]) -> list[OrderRow]:
    """Return the orders of these checkouts that were confirmed, oldest first."""
    return [OrderRow(*row) for row in cursor.execute(ORDERS, (list(ids),))]


def refunds_of(cursor: Cursor, order: UUID) -> list[RefundRow]:
    """Return the refunds that were asked for an order, oldest first."""
    return [RefundRow(*row) for row in cursor.execute(REFUNDS, (order,))]
