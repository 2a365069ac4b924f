"""Reading and writing orders and refunds, a batch at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from cluster.messaging.work import UnitOfWork
from cluster.orders.domain.lifecycle import Order, OrderState, Refund, RefundState

LOCK_ORDERS: Final = """
    SELECT id, visitor, sku, quantity, amount, state, version FROM orders
     WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
SAVE_ORDERS: Final = """
    INSERT INTO orders
        (id, visitor, sku, quantity, amount, state, version, created_at, updated_at)
    SELECT id, visitor, sku, quantity, amount, state, version, %s, %s
      FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::bigint[], %b::bigint[],
                  %b::text[], %b::int[])
        AS t (id, visitor, sku, quantity, amount, state, version)
    ON CONFLICT (id) DO UPDATE
       SET state = EXCLUDED.state, version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
"""
LOCK_REFUNDS: Final = """
    SELECT id, order_id, state, version, money_back, stock_back, limit_back FROM refund
     WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
SAVE_REFUNDS: Final = """
    INSERT INTO refund (id, order_id, state, version, money_back, stock_back, limit_back,
                        created_at, updated_at)
    SELECT id, order_id, state, version, money_back, stock_back, limit_back, %s, %s
      FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::int[], %b::bool[], %b::bool[],
                  %b::bool[])
        AS t (id, order_id, state, version, money_back, stock_back, limit_back)
    ON CONFLICT (id) DO UPDATE
       SET state = EXCLUDED.state, version = EXCLUDED.version,
           money_back = EXCLUDED.money_back, stock_back = EXCLUDED.stock_back,
           limit_back = EXCLUDED.limit_back, updated_at = EXCLUDED.updated_at
"""


def lock_orders(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Order]:
    """Return the orders that exist of these ids, locked."""
    work.cursor.execute(LOCK_ORDERS, (list(ids),))
    return {
        id_: Order(visitor, sku, quantity, amount, OrderState(state), version)
        for id_, visitor, sku, quantity, amount, state, version in work.cursor.fetchall()
    }


def save_orders(work: UnitOfWork, orders: Mapping[UUID, Order]) -> None:
    rows = orders.values()
    work.cursor.execute(
        SAVE_ORDERS,
        (
            work.now,
            work.now,
            list(orders),
            [order.visitor for order in rows],
            [order.sku for order in rows],
            [order.quantity for order in rows],
            [order.amount for order in rows],
            [order.state.value for order in rows],
            [order.version for order in rows],
        ),
    )


def lock_refunds(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Refund]:
    """Return the refunds that exist of these ids, locked."""
    work.cursor.execute(LOCK_REFUNDS, (list(ids),))
    return {
        id_: Refund(order, RefundState(state), version, money, stock, limit)
        for id_, order, state, version, money, stock, limit in work.cursor.fetchall()
    }


def save_refunds(work: UnitOfWork, refunds: Mapping[UUID, Refund]) -> None:
    rows = refunds.values()
    work.cursor.execute(
        SAVE_REFUNDS,
        (
            work.now,
            work.now,
            list(refunds),
            [refund.order for refund in rows],
            [refund.state.value for refund in rows],
            [refund.version for refund in rows],
            [refund.money_back for refund in rows],
            [refund.stock_back for refund in rows],
            [refund.limit_back for refund in rows],
        ),
    )
