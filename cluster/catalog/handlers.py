"""The handlers of catalog: list, reserve, release, sell, take back, answer an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from cluster.catalog.contract import (
    CatalogVisitorErased,
    ListProduct,
    ProductListed,
    ReleaseStock,
    ReserveStock,
    StockRefused,
    StockReleased,
    StockReserved,
    StockReturned,
    StockSold,
)
from cluster.catalog.domain.product import Reservation, ReservationState, Stock
from cluster.catalog.repository import (
    lock_reservations,
    lock_stock,
    product_digest,
    save_reservations,
    save_stock,
)
from cluster.checkout.contract import CheckoutCompleted
from cluster.identity.contract import ErasureRequested
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.messaging.work import PermanentError, UnitOfWork
from cluster.payments.contract import RefundSettled

LIST: Final = """
    INSERT INTO product
        (id, sku, name, price, available, reserved, sold, listed, restock_to, version)
    VALUES (%s, %s, %s, %s, %s, 0, 0, %s, %s, 1)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""
RECORD_LISTED: Final = f"UPDATE product SET digest = {product_digest()} WHERE id = %s"  # noqa: S608
RECORD_SALES: Final = """
    INSERT INTO sale (id, sku, quantity, at)
    SELECT id, sku, quantity, %s FROM unnest(%b::uuid[], %b::text[], %b::bigint[])
        AS t (id, sku, quantity)
"""
RECORD_RETURNS: Final = """
    INSERT INTO stock_return (id, sku, quantity, at)
    SELECT id, sku, quantity, %s FROM unnest(%b::uuid[], %b::text[], %b::bigint[])
        AS t (id, sku, quantity)
"""


def list_product(work: UnitOfWork, messages: Sequence[Message[ListProduct]], /) -> None:
    """Offer a product, and leave one of this id that is listed already as it is."""
    for message in messages:
        product = message.payload
        if product.stock < 0 or product.price <= 0:
            raise PermanentError("a product needs a price above zero and no negative stock")
        work.cursor.execute(
            LIST,
            (
                message.subject_id,
                product.sku,
                product.name,
                product.price,
                product.stock,
                product.stock,
                product.restock_to,
            ),
        )
        if work.cursor.fetchone():
            work.cursor.execute(RECORD_LISTED.encode(), (message.subject_id,))
            listed = ProductListed(
                sku=product.sku, name=product.name, price=product.price, stock=product.stock
            )
            work.reply(message, listed)


def reserve_stock(work: UnitOfWork, messages: Sequence[Message[ReserveStock]], /) -> None:
    """Set items aside, or refuse, in the order of arrival."""
    stocks = lock_stock(work, [message.payload.sku for message in messages])
    known = lock_reservations(work, [message.subject_id for message in messages])
    reservations = {}
    for message in messages:
        before = known.get(message.subject_id)
        decided, reply = _decide(message.payload, stocks, before)
        reservations[message.subject_id] = decided
        work.reply(message, reply)
    lives = {m.subject_id: timedelta(seconds=m.payload.expires_in) for m in messages}
    save_reservations(work, reservations, lives=lives)
    save_stock(work, list(stocks.values()))


def _decide(
    asked: ReserveStock, stocks: dict[str, Stock], before: Reservation | None
) -> tuple[Reservation, Payload]:
    sku, quantity = asked.sku, asked.quantity
    stock = stocks.get(sku)
    reserved = stock.reserve(quantity) if stock and before is None else None
    if reserved is not None:
        stocks[sku] = reserved
        reservation = Reservation(sku, quantity, ReservationState.RESERVED, 1)
        return reservation, StockReserved(sku=sku, quantity=quantity)
    if before is not None:
        reason = f"the reservation was {before.state} before it was asked for"
        refused = replace(before, version=before.version + 1)
    else:
        reason = f"{stock.available} available" if stock else f"there is no product {sku}"
        refused = Reservation(sku, quantity, ReservationState.REFUSED, 1)
    return refused, StockRefused(sku=sku, quantity=quantity, reason=reason)


def release_stock(work: UnitOfWork, messages: Sequence[Message[ReleaseStock]], /) -> None:
    """Release the reservation of a checkout, as its compensation.

    A reservation that is released already is left as it is.
    """
    known = lock_reservations(work, [message.subject_id for message in messages])
    stocks = lock_stock(work, [reservation.sku for reservation in known.values()])
    reservations = {}
    for message in messages:
        before = known.get(message.subject_id)
        if before is None:
            # Never reserved: record that it must not be reserved any more.
            reservations[message.subject_id] = Reservation("", 0, ReservationState.RELEASED, 1)
            work.reply(message, StockReleased(sku="", quantity=0))
            continue
        if before.state is ReservationState.SOLD:
            raise PermanentError("a completed checkout's reservation cannot be released")
        if before.state is ReservationState.RELEASED:
            continue
        given_back = before.quantity if before.state is ReservationState.RESERVED else 0
        if given_back:
            stocks[before.sku] = stocks[before.sku].release(given_back)
        reservations[message.subject_id] = replace(
            before, state=ReservationState.RELEASED, version=before.version + 1
        )
        work.reply(message, StockReleased(sku=before.sku, quantity=given_back))
    save_reservations(work, reservations)
    save_stock(work, list(stocks.values()))


def sell(work: UnitOfWork, messages: Sequence[Message[CheckoutCompleted]], /) -> None:
    """Turn the reservations of completed checkouts into sales.

    If the reservation expired first, the items are taken again while there are any. If there are
    none left, an operator has to decide: PermanentError.
    """
    known = lock_reservations(work, [message.subject_id for message in messages])
    stocks = lock_stock(work, [message.payload.sku for message in messages])
    for message in messages:
        reservation = known.get(message.subject_id)
        stock = stocks.get(message.payload.sku)
        if reservation is None or stock is None:
            raise PermanentError(f"checkout {message.subject_id} completed without a reservation")
        if reservation.state is ReservationState.EXPIRED:
            stock = stock.reserve(reservation.quantity)
        elif reservation.state is not ReservationState.RESERVED:
            raise PermanentError(f"a reservation that was {reservation.state} cannot be sold")
        if stock is None:
            raise PermanentError("the reservation expired, and the items are gone")
        stocks[stock.sku] = stock.sell(reservation.quantity)
        known[message.subject_id] = replace(reservation, state=ReservationState.SOLD)
        work.reply(message, StockSold(sku=stock.sku, quantity=reservation.quantity))
    save_reservations(work, known)
    save_stock(work, list(stocks.values()))
    ids = [message.subject_id for message in messages]
    work.cursor.execute(
        RECORD_SALES,
        (work.now, ids, [known[i].sku for i in ids], [known[i].quantity for i in ids]),
    )


def take_back(work: UnitOfWork, messages: Sequence[Message[RefundSettled]], /) -> None:
    """Make the items of paid refunds available again."""
    stocks = lock_stock(work, [message.payload.sku for message in messages])
    for message in messages:
        sku, quantity = message.payload.sku, message.payload.quantity
        if sku not in stocks:
            raise PermanentError(f"there is no product {sku} to return items to")
        stocks[sku] = stocks[sku].take_back(quantity)
        work.reply(message, StockReturned(sku=sku, quantity=quantity))
    save_stock(work, list(stocks.values()))
    work.cursor.execute(
        RECORD_RETURNS,
        (
            work.now,
            [message.subject_id for message in messages],
            [message.payload.sku for message in messages],
            [message.payload.quantity for message in messages],
        ),
    )


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Answer each request with a receipt of 0 rows.

    Reservations and sales hold a checkout and items, and no visitor.
    """
    for message in messages:
        work.reply(message, CatalogVisitorErased(attempt=message.payload.attempt, rows=0))
