"""Checkouts: begun with a key, followed by id."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Path, Router, Schema
from pydantic import Field

from cluster.messaging.work import UnitOfWork
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.checkout_intake import (
    MAX_QUANTITY,
    CheckoutOrder,
    Outcome,
    accept_checkouts,
)
from cluster.storefront.headcode import headcode
from cluster.storefront.models import CheckoutRequest
from cluster.storefront.queries import events_of, last_seq
from cluster.storefront.visitor_limit import limit_visitor
from portfolio.api.describe import told
from portfolio.api.idempotency import Answer, answer, once
from portfolio.api.pages import USUAL, Cursor, Limit, page_of
from portfolio.api.problems import not_found
from portfolio.api.rate_limits import CHECKOUTS, limited
from portfolio.api.schemas import WHOLE, Asked, Pence
from portfolio.api.visitor import known_visitor
from portfolio.web.checkouts import limit_address

router = Router(tags=["Checkouts"])

MOST_EVENTS: Final = 200  # of one checkout; it comes to about twenty
COLUMNS: Final = (
    "id", "sku", "quantity", "amount", "requested_outcome", "accepted_at", "status", "reason",
    "ended_at",
)  # fmt: skip
READ: Final = f"SELECT {', '.join(COLUMNS)} FROM checkout_request WHERE id = %s"  # noqa: S608


class CheckoutAsked(Asked):
    """What to buy, and what shall come of it."""

    sku: str = Field(
        min_length=1, max_length=100, description="A product's name.", examples=["FLAG-GREEN"]
    )
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY), WHOLE] = 1
    outcome: Literal["success", "declined", "provider-silent", "late-success"] = Field(
        "success", description="What the sandbox's card does. The price is not yours to say."
    )


class Checkout(Schema):
    """A checkout as the site knows it. The order and the payment have the same id."""

    id: UUID
    headcode: str = Field(description="The four characters that name it on every page.")
    sku: str
    quantity: int
    amount: Pence
    outcome: str = Field(description="What was asked to come of it.")
    accepted_at: datetime
    status: Literal["accepted", "completed", "compensated"]
    reason: str = Field(description="Why it was turned round; empty otherwise.")
    ended_at: datetime | None

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Self:
        """From the COLUMNS of a row."""
        named = dict(zip(COLUMNS, row, strict=True))
        named["outcome"] = named.pop("requested_outcome")
        return cls(headcode=headcode(named["id"]), **named)


class Event(Schema):
    """One message of the cluster, as the site's journal has it."""

    seq: int = Field(description="Its number in the journal, which has no gap.")
    time: str
    code: str = Field(description="The service that said it.", examples=["PAY"])
    verb: str
    detail: str
    type: str = Field(description="See /asyncapi.json.", examples=["orders.order_confirmed.v1"])
    id: UUID
    subject: str
    sequence: int = Field(description="Its number among those about the same subject.")


class CheckoutWithEvents(Checkout):
    """A checkout, with every message that it has caused, the first first."""

    events: list[Event]


class CheckoutPage(Schema):
    """Some of your checkouts, the newest first."""

    items: list[Checkout]
    next: UUID | None = Field(description="The cursor of the next page; null on the last.")


@router.post(
    "/checkouts",
    response={202: Checkout},
    operation_id="startCheckout",
    summary="Begin a checkout",
    openapi_extra=told(
        idempotent=True,
        limited=True,
        located=True,
        request_example={"sku": "FLAG-GREEN", "quantity": 1, "outcome": "success"},
    ),
)
@limited(CHECKOUTS)
def start_checkout(request: HttpRequest, checkout: CheckoutAsked) -> HttpResponse:
    """Accept a purchase: its row and its command commit together, and the saga begins.

    Whichever service refuses its step turns the saga round, and all before it is undone.
    """

    def accept(work: UnitOfWork, visitor: str) -> Answer:
        outcome = Outcome(checkout.outcome)
        order = CheckoutOrder(
            visitor=visitor,
            sku=checkout.sku,
            quantity=checkout.quantity,
            card=outcome.card,
            requested_outcome=outcome,
        )
        limit_address(request)
        limit_visitor(work, order)
        accept_checkouts(work, requests=[order])
        row = work.cursor.execute(READ, (order.id,)).fetchone()
        location = reverse("api:get_checkout", args=[order.id])
        return answer(202, Checkout.of(row or ()), location=location)

    return once(request, checkout, accept, policy=CHECKOUTS)


@router.get(
    "/checkouts",
    response=CheckoutPage,
    operation_id="listCheckouts",
    summary="Your checkouts",
    openapi_extra=told(),
)
def list_checkouts(
    request: HttpRequest,
    limit: Limit = USUAL,
    cursor: Cursor = None,  # type: ignore[assignment]
) -> CheckoutPage:
    """The newest first."""
    mine = CheckoutRequest.objects.filter(visitor=known_visitor(request)).exclude(visitor="")
    rows, following = retry_on_disconnect(lambda: page_of(mine, limit, cursor))
    return CheckoutPage(items=[_shown(row) for row in rows], next=following)


@router.get(
    "/checkouts/{uuid:checkout_id}",
    response=CheckoutWithEvents,
    operation_id="getCheckout",
    summary="A checkout and its messages",
    openapi_extra=told(),
)
def get_checkout(
    request: HttpRequest,
    checkout_id: Annotated[UUID, Path(description="From the answer that accepted it.")],
) -> CheckoutWithEvents:
    """How it stands, and every message that it has caused."""
    checkout = own_checkout(known_visitor(request), checkout_id)
    told_of = retry_on_disconnect(
        lambda: events_of(checkout_id, MOST_EVENTS, up_to=last_seq()),
    )
    events = [
        Event(**{name: getattr(event, name) for name in Event.model_fields})
        for event in reversed(told_of)
    ]
    return CheckoutWithEvents(**_shown(checkout).model_dump(), events=events)


def own_checkout(visitor: str, checkout_id: UUID, *, what: str = "checkout") -> CheckoutRequest:
    """The visitor's checkout of that id; raises Problem 404, in which `what` is not to be had."""
    found = retry_on_disconnect(
        CheckoutRequest.objects.filter(id=checkout_id, visitor=visitor).exclude(visitor="").first
    )
    if found is None:
        raise not_found(f"{what} {checkout_id}")
    return found


def _shown(row: CheckoutRequest) -> Checkout:
    return Checkout.of(tuple(getattr(row, name) for name in COLUMNS))
