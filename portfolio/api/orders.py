"""Orders, payments and the ledger, as they are in the services' own databases.

Read from the services' views for pages, which cannot be written: only messages change these rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router, Schema
from pydantic import Field

from cluster.orders.queries import orders as orders_of
from cluster.payments import queries
from cluster.secrets.django.reconnect import retry_on_disconnect
from portfolio.api.checkouts import checkouts_of, own_checkout
from portfolio.api.problems import not_found
from portfolio.api.schemas import USUAL, Limit, Pence, filled
from portfolio.api.visitor import known_visitor
from portfolio.demos.queries import read

orders = Router(tags=["Orders"])
payments = Router(tags=["Payments"])

MOST_PAYMENTS: Final = 1000  # the newest, whose entries are listed
LARGEST_ENTRY: Final = 2**63 - 1


class Order(Schema):
    """An order, in the words of the service that owns it."""

    id: UUID
    sku: str
    quantity: int
    amount: Pence
    state: str = Field(examples=["fulfilled"])
    version: int = Field(description="How many messages orders has sent about it.")
    created_at: datetime
    updated_at: datetime


class Payment(Schema):
    """A payment with the answers of the payment provider. Amounts are in pence."""

    id: UUID
    amount: Pence
    card: str = Field(description="The sandbox's token of the card.", examples=["tok_ok"])
    state: str = Field(examples=["captured"])
    authorisation: str
    reason: str
    authorised: Pence
    captured: Pence
    voided: Pence
    refunded: Pence
    created_at: datetime
    updated_at: datetime


class Entry(Schema):
    """One line of the double-entry ledger. The lines of a transaction sum to zero."""

    id: int
    payment: UUID
    transaction: str
    account: str = Field(examples=["merchant"])
    amount: Pence
    at: datetime


class Balance(Schema):
    """The sum of an account's entries."""

    account: str
    amount: Pence


class Ledger(Schema):
    """The entries of your payments, newest first, and the balances over all of them."""

    items: list[Entry]
    next: int | None = Field(description="The cursor of the next page; null on the last.")
    balances: list[Balance]
    sum: int = Field(description="Of all balances: zero, or the ledger is wrong.", examples=[0])


@orders.get("/orders/{uuid:order_id}", response=Order, summary="An order")
def get_order(
    request: HttpRequest, order_id: Annotated[UUID, Path(description="That of its checkout.")]
) -> Order:
    """Return your order from the database of the service `orders`.

    It exists once that service has confirmed it.
    """
    visitor = known_visitor(request)
    own_checkout(visitor, order_id, what="order")
    rows = [row for row in read("orders", orders_of, [order_id]) if row.visitor == visitor]
    if not rows:
        raise not_found(f"order {order_id}", order_id)
    return filled(Order, rows[0])


@payments.get("/payments/{uuid:payment_id}", response=Payment, summary="A payment")
def get_payment(
    request: HttpRequest, payment_id: Annotated[UUID, Path(description="That of its checkout.")]
) -> Payment:
    """Return your payment from the database of the service `payments`.

    It exists once that service was asked to authorise it.
    """
    own_checkout(known_visitor(request), payment_id, what="payment")
    rows = read("payments", queries.payments, [payment_id])
    if not rows:
        raise not_found(f"payment {payment_id}", payment_id)
    return filled(Payment, rows[0])


@payments.get("/ledger", response=Ledger, summary="The ledger of your payments")
def get_ledger(
    request: HttpRequest,
    limit: Limit = USUAL,
    cursor: Annotated[
        int, Query(ge=1, le=LARGEST_ENTRY, description="`next` of the page before.")
    ] = LARGEST_ENTRY,
) -> Ledger:
    """Return the entries and balances of your latest 1,000 payments."""
    mine = checkouts_of(known_visitor(request))
    ids = retry_on_disconnect(
        lambda: list(mine.order_by("-pk").values_list("pk", flat=True)[:MOST_PAYMENTS])
    )
    rows = read("payments", queries.ledger_page, ids, cursor, limit + 1)
    balances = read("payments", queries.balances, ids)
    return Ledger(
        items=[filled(Entry, row) for row in rows[:limit]],
        next=rows[limit - 1].id if len(rows) > limit else None,
        balances=[Balance(account=name, amount=amount) for name, amount in balances.items()],
        sum=sum(balances.values()),
    )
