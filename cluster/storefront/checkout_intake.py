"""The intake of work for the cluster: from the web, the command line and the ambient load.

Acceptance is a row and a command in one transaction of the site's database. The caller's side
chooses the ids, so that an acceptance whose commit is in doubt can be run again and still happens
once.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cluster.checkout.contract import StartCheckout
from cluster.identity.contract import RequestErasure
from cluster.messaging.envelope import is_older, new_message_id
from cluster.messaging.queries import announced
from cluster.messaging.work import UnitOfWork
from cluster.orders.contract import RequestRefund
from cluster.storefront.admission import Overloaded, read_room
from cluster.storefront.repository import checkouts
from config.retention import horizon, refundable

MAX_QUANTITY: Final = 100
LONGEST_VISITOR: Final = 100  # characters

# The card's token decides the behaviour of the sandbox provider.
CARDS: Final = frozenset(
    {
        "tok_ok",
        "tok_slow",
        "tok_declined",
        "tok_slow_declined",
        "tok_silent",
        "tok_late",
        "tok_twice",
        "tok_reordered",
    }
)


class Outcome(enum.StrEnum):
    """The result that a caller wants of a checkout."""

    SUCCESS = "success"
    DECLINED = "declined"  # the card is refused: the checkout compensates at payment
    PROVIDER_SILENT = "provider-silent"  # no answer: it compensates when the deadline is missed
    LATE_SUCCESS = "late-success"  # the answer comes after that, and the money is returned
    OUT_OF_STOCK = "out-of-stock"  # decided by the product: one that is sold out
    LAST_ITEM_RACE = "last-item-race"  # decided by the product: several want its last item

    @property
    def card(self) -> str:
        """The card that leads to this outcome, as far as the payment decides it."""
        return _CARD_FOR.get(self, "tok_ok")


_CARD_FOR: Final = {
    Outcome.DECLINED: "tok_declined",
    Outcome.PROVIDER_SILENT: "tok_silent",
    Outcome.LATE_SUCCESS: "tok_late",
}


class InvalidRequest(ValueError):
    """The request cannot be accepted, for the reason that the message gives in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutOrder:
    """A visitor's order, whose price the shop decides."""

    visitor: str
    sku: str
    quantity: int = 1
    card: str = "tok_ok"
    requested_outcome: str = Outcome.SUCCESS
    id: UUID = field(default_factory=new_message_id)


PRICES: Final = "SELECT sku, price FROM product WHERE sku = ANY (%s)"
# Without the products that visitors and demos have listed for themselves.
SOME_PRODUCTS: Final = """
    SELECT sku FROM product WHERE sku NOT SIMILAR TO '(OWN|DEMO|LAST)-%' ORDER BY sku LIMIT 20
"""

INSERT_CHECKOUTS: Final = """
    INSERT INTO checkout_request (id, visitor, sku, quantity, amount, card, requested_outcome,
                                  accepted_at, status, reason)
    SELECT id, visitor, sku, quantity, amount, card, outcome, %s, 'accepted', ''
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::bigint[],
                  %s::text[], %s::text[])
        AS t (id, visitor, sku, quantity, amount, card, outcome)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

INSERT_REFUND: Final = """
    INSERT INTO refund_request (id, order_id, accepted_at, status, reason)
    VALUES (%s, %s, %s, 'accepted', '')
    ON CONFLICT (id) DO NOTHING
"""

# At most one erasure of a visitor is open at a time.
INSERT_ERASURE: Final = """
    INSERT INTO erasure_request (id, visitor, accepted_at, status, reason)
    VALUES (%s, %s, %s, 'accepted', '')
    ON CONFLICT DO NOTHING
"""
OPEN_ERASURE: Final = "SELECT id FROM erasure_request WHERE visitor = %s AND status = 'accepted'"


def accept_checkouts(work: UnitOfWork, *, requests: Sequence[CheckoutOrder]) -> list[UUID]:
    """Accept checkouts, all or none, announce their start and return the ids of the sagas.

    The ids are in the order of `requests`. Raises InvalidRequest when any of them is wrong,
    Overloaded when there is no room for them. Requests accepted before, by their ids, change
    nothing.
    """
    _require_room(work, requests)
    _accept(work, requests)
    return [request.id for request in requests]


def accept_portion(work: UnitOfWork, *, requests: Sequence[CheckoutOrder]) -> int:
    """Accept as many of the first `requests` as there is room for and return their number.

    Raises InvalidRequest when any of those is wrong.
    """
    accepted = read_room(work).portion(len(requests))
    if accepted < len(requests):
        known = _known(work, requests)
        while accepted < len(requests) and requests[accepted].id in known:
            accepted += 1
    if accepted:
        _check(requests[:accepted])
        _accept(work, requests[:accepted])
    return accepted


def register_checkout(work: UnitOfWork, *, request: CheckoutOrder) -> bool:
    """Accept a checkout without starting it, and return whether it is new.

    The caller must see to it that `begin_checkouts` follows. Raises InvalidRequest, and Overloaded
    when there is no room for it.
    """
    _require_room(work, [request])
    return bool(_register(work, [request]))


def begin_checkouts(work: UnitOfWork, *, traces: Mapping[UUID, str | None]) -> None:
    """Announce the start of accepted checkouts that have not begun.

    `traces` are the traceparents of the messages at which each of them begins.
    """
    begun = announced(work.cursor, [f"saga/{identifier}" for identifier in traces])
    for row in checkouts(work.cursor, traces):
        if not row.ended and f"saga/{row.id}" not in begun:
            order = CheckoutOrder(
                id=row.id, visitor=row.visitor, sku=row.sku, quantity=row.quantity, card=row.card
            )
            _start(work, order, row.amount, traces[row.id])


def _require_room(work: UnitOfWork, requests: Sequence[CheckoutOrder]) -> None:
    """Raise Overloaded unless there is room for those that were not accepted before.

    Raises InvalidRequest first, when any of them is wrong.
    """
    _check(requests)
    room = read_room(work)
    if room.admits(len(requests)):
        return
    new = len(requests) - len(_known(work, requests))
    if new and not room.admits(new):
        raise Overloaded(room, refused=new)


def _known(work: UnitOfWork, requests: Sequence[CheckoutOrder]) -> set[UUID]:
    """Return the ids of those that were accepted before."""
    return {row.id for row in checkouts(work.cursor, [request.id for request in requests])}


def _accept(work: UnitOfWork, requests: Sequence[CheckoutOrder]) -> None:
    for request, amount in _register(work, requests):
        _start(work, request, amount)


def _register(
    work: UnitOfWork, requests: Sequence[CheckoutOrder]
) -> list[tuple[CheckoutOrder, int]]:
    """Record checkouts, and return the new ones with their amounts, in pence."""
    prices = _prices(work, {request.sku for request in requests})
    amounts = [prices[request.sku] * request.quantity for request in requests]
    work.cursor.execute(
        INSERT_CHECKOUTS,
        (
            work.now,
            [request.id for request in requests],
            [request.visitor for request in requests],
            [request.sku for request in requests],
            [request.quantity for request in requests],
            amounts,
            [request.card for request in requests],
            [str(request.requested_outcome) for request in requests],
        ),
    )
    accepted = {identifier for (identifier,) in work.cursor.fetchall()}
    return [
        (request, amount)
        for request, amount in zip(requests, amounts, strict=True)
        if request.id in accepted
    ]


def accept_refund(work: UnitOfWork, *, order_id: UUID, refund_id: UUID | None = None) -> UUID:
    """Accept the refund of a completed checkout's order, announce it and return its id.

    Raises InvalidRequest when the order is unknown here or too old, or its checkout has not
    completed. Orders decides whether it may still be refunded.
    """
    found = checkouts(work.cursor, [order_id])
    if is_older(order_id, refundable(), work.now):
        raise InvalidRequest(
            f"The order {order_id} cannot be refunded: it is older than {refundable().days} days. "
            f"What ended {horizon().days} days ago is closed."
        )
    if not found:
        raise InvalidRequest(f"There is no order {order_id}.")
    if (status := found[0].status) != "completed":
        raise InvalidRequest(
            f"The order {order_id} cannot be refunded: its checkout is {status}, not completed."
        )
    refund_id = refund_id or new_message_id()
    work.cursor.execute(INSERT_REFUND, (refund_id, order_id, work.now))
    if work.cursor.rowcount:
        work.send(RequestRefund(order=order_id), subject_id=refund_id, correlation=refund_id)
    return refund_id


def accept_erasure(work: UnitOfWork, *, visitor: str) -> UUID:
    """Accept a visitor's request to be forgotten, announce it and return the erasure's id.

    If an erasure of this visitor is open already, its id is returned. Identity decides whether the
    visitor may be forgotten now. Raises InvalidRequest for an improper name.
    """
    _check_visitor(visitor)
    erasure_id = new_message_id()
    work.cursor.execute(INSERT_ERASURE, (erasure_id, visitor, work.now))
    if work.cursor.rowcount:
        work.send(RequestErasure(visitor=visitor), subject_id=erasure_id, correlation=erasure_id)
        return erasure_id
    work.cursor.execute(OPEN_ERASURE, (visitor,))
    (open_erasure,) = work.cursor.fetchone() or (erasure_id,)
    return UUID(str(open_erasure))


def _check(requests: Sequence[CheckoutOrder]) -> None:
    for request in requests:
        if not 1 <= request.quantity <= MAX_QUANTITY:
            raise InvalidRequest(
                f"The quantity must be between 1 and {MAX_QUANTITY}, not {request.quantity}."
            )
        if request.card not in CARDS:
            known = ", ".join(sorted(CARDS))
            raise InvalidRequest(
                f"The card {request.card!r} is unknown; the sandbox knows {known}."
            )
        _check_visitor(request.visitor)


def _check_visitor(visitor: str) -> None:
    if not (0 < len(visitor) <= LONGEST_VISITOR and visitor.isprintable()):
        raise InvalidRequest(
            f"The visitor must be a name of 1 to {LONGEST_VISITOR} printable characters."
        )


def _prices(work: UnitOfWork, skus: set[str]) -> dict[str, int]:
    """Return the price of each product, in pence.

    Raises InvalidRequest for a product that is unknown.
    """
    # PostgreSQL's text cannot hold NUL, so a name with it is unknown without a query.
    askable = [sku for sku in skus if sku.isprintable()]
    work.cursor.execute(PRICES, (askable,))
    prices: dict[str, int] = dict(work.cursor.fetchall())
    unknown = sorted(skus - prices.keys())
    if not unknown:
        return prices
    work.cursor.execute(SOME_PRODUCTS)
    known = ", ".join(sku for (sku,) in work.cursor.fetchall())
    raise InvalidRequest(
        f"There is no product {unknown[0]!r}; "
        + (f"there are {known}." if known else "no product has been listed yet.")
    )


def _start(work: UnitOfWork, request: CheckoutOrder, amount: int, trace: str | None = None) -> None:
    work.send(
        StartCheckout(
            visitor=request.visitor,
            sku=request.sku,
            quantity=request.quantity,
            amount=amount,
            card=request.card,
        ),
        subject_id=request.id,
        correlation=request.id,
        trace=trace,
    )
