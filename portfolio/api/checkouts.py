"""Checkouts, started with an idempotency key and then read by id."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Path, Router, Schema
from pydantic import Field

from cluster.messaging.work import UnitOfWork
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.admission import limit_visitor
from cluster.storefront.checkout_intake import (
    MAX_QUANTITY,
    CheckoutOrder,
    Outcome,
    accept_checkouts,
)
from cluster.storefront.headcode import headcode
from cluster.storefront.models import CheckoutRequest
from cluster.storefront.queries import events_of, last_seq
from cluster.storefront.repository import CheckoutRow, checkouts
from portfolio.api.describe import told
from portfolio.api.idempotency import Answer, answer, once
from portfolio.api.problems import not_found
from portfolio.api.rate_limits import CHECKOUTS, limited
from portfolio.api.schemas import (
    STORABLE,
    USUAL,
    WHOLE,
    Asked,
    Cursor,
    Limit,
    Pence,
    filled,
    page_of,
)
from portfolio.api.visitor import known_visitor
from portfolio.pages.checkouts import limit_address

router = Router(tags=["Checkouts"])

MOST_EVENTS: Final = 200  # of one checkout; it comes to about twenty


class CheckoutAsked(Asked):
    """The product to buy, and the outcome that the sandbox's card shall bring about."""

    sku: str = Field(
        min_length=1,
        max_length=100,
        pattern=STORABLE,
        description="A product's name.",
        examples=["FLAG-GREEN"],
    )
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY), WHOLE] = 1
    outcome: Literal["success", "declined", "provider-silent", "late-success"] = Field(
        "success", description="What the sandbox's card does. The price is not yours to say."
    )


class Checkout(Schema):
    """A checkout as the site knows it. The order and the payment have the same id."""

    id: UUID
    short_id: str = Field(description="The four characters that name it on every page.")
    headcode: str = Field(
        description="The name of `short_id` before it was called so.",
        json_schema_extra={"deprecated": True},
    )
    sku: str
    quantity: int
    amount: Pence
    outcome: str = Field(description="What was asked to come of it.")
    accepted_at: datetime
    status: Literal["accepted", "completed", "compensated"]
    reason: str = Field(description="Why it was compensated; empty otherwise.")
    ended_at: datetime | None


Shown = TypeVar("Shown", bound=Checkout)


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
    """A checkout with every message that it has caused, oldest first."""

    events: list[Event]


class CheckoutPage(Schema):
    """One page of your checkouts, newest first."""

    items: list[Checkout]
    next: UUID | None = Field(description="The cursor of the next page; null on the last.")


@router.post(
    "/checkouts",
    response={202: Checkout},
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
    """Accept a checkout: its row and its first command commit in one transaction.

    When a service refuses its step, the saga compensates the steps before it.
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
        limit_visitor(work, visitor=order.visitor, checkout=order.id)
        accept_checkouts(work, requests=[order])
        (row,) = checkouts(work.cursor, [order.id])
        location = reverse("api:get_checkout", args=[order.id])
        return answer(202, _shown(Checkout, row), location=location)

    return once(request, checkout, accept, policy=CHECKOUTS)


@router.get("/checkouts", response=CheckoutPage, summary="Your checkouts")
def list_checkouts(
    request: HttpRequest,
    limit: Limit = USUAL,
    cursor: Cursor = None,  # type: ignore[assignment]
) -> CheckoutPage:
    """Return your checkouts, newest first, a page at a time."""
    mine = checkouts_of(known_visitor(request))
    rows, following = retry_on_disconnect(lambda: page_of(mine, limit, cursor))
    return CheckoutPage(items=[_shown(Checkout, row) for row in rows], next=following)


@router.get(
    "/checkouts/{uuid:checkout_id}",
    response=CheckoutWithEvents,
    summary="A checkout and its messages",
)
def get_checkout(
    request: HttpRequest,
    checkout_id: Annotated[UUID, Path(description="From the answer that accepted it.")],
) -> CheckoutWithEvents:
    """Return the state of a checkout and every message that it has caused, oldest first."""
    checkout = own_checkout(known_visitor(request), checkout_id)
    told_of = retry_on_disconnect(
        lambda: events_of(checkout_id, MOST_EVENTS, up_to=last_seq()),
    )
    events = [filled(Event, event) for event in reversed(told_of)]
    return _shown(CheckoutWithEvents, checkout, events=events)


def _shown(schema: type[Shown], row: CheckoutRow | CheckoutRequest, **given: Any) -> Shown:
    """Return the checkout of a row, with the members that the row does not have."""
    code = headcode(row.id)
    return filled(schema, row, short_id=code, headcode=code, outcome=row.requested_outcome, **given)


def checkouts_of(visitor: str) -> QuerySet[CheckoutRequest]:
    """Return a visitor's checkouts, none of a caller without a name."""
    return CheckoutRequest.objects.filter(visitor=visitor).exclude(visitor="")


def own_checkout(visitor: str, checkout_id: UUID, *, what: str = "checkout") -> CheckoutRequest:
    """Return the visitor's checkout of that id.

    Raises Problem 404, which says that there is no `what` of that id.
    """
    found = retry_on_disconnect(checkouts_of(visitor).filter(id=checkout_id).first)
    if found is None:
        raise not_found(f"{what} {checkout_id}", checkout_id)
    return found
