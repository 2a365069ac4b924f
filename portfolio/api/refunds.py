"""Refunds: of orders of your own, once each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Path, Router, Schema
from pydantic import Field

from cluster.messaging.history import closed_note
from cluster.messaging.work import UnitOfWork
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.checkout_intake import InvalidRequest, accept_refund
from cluster.storefront.models import RefundRequest
from cluster.storefront.repository import checkouts
from portfolio.api.checkouts import checkouts_of
from portfolio.api.describe import told
from portfolio.api.idempotency import Answer, answer, once
from portfolio.api.problems import not_found
from portfolio.api.rate_limits import REFUNDS, limit, limited
from portfolio.api.schemas import USUAL, Asked, Cursor, JsonUUID, Limit, filled, page_of
from portfolio.api.visitor import known_visitor

router = Router(tags=["Refunds"])


class RefundAsked(Asked):
    """The order to refund."""

    order: JsonUUID = Field(description="The id of a completed checkout of yours.")


class Refund(Schema):
    """A refund as the site knows it."""

    id: UUID
    order: UUID
    accepted_at: datetime
    status: Literal["accepted", "completed", "refused", "abandoned"]
    reason: str
    ended_at: datetime | None


class RefundPage(Schema):
    """One page of your refunds, newest first."""

    items: list[Refund]
    next: UUID | None = Field(description="The cursor of the next page; null on the last.")


@router.post(
    "/refunds",
    response={202: Refund},
    summary="Give an order back",
    openapi_extra=told(
        idempotent=True,
        limited=True,
        located=True,
        request_example={"order": "0193664e-0d2e-7c43-8f52-3c1d6a5b4e21"},
    ),
)
@limited(REFUNDS)
def request_refund(request: HttpRequest, refund: RefundAsked) -> HttpResponse:
    """Accept a refund. The service `orders` decides whether the order may still be refunded."""

    def accept(work: UnitOfWork, visitor: str) -> Answer:
        limit(work, request, visitor, REFUNDS)
        if [one.visitor for one in checkouts(work.cursor, [refund.order])] != [visitor]:
            note = closed_note(refund.order)
            raise InvalidRequest(f"There is no order {refund.order} of yours.{note}")
        refund_id = accept_refund(work, order_id=refund.order)
        made = Refund(
            id=refund_id,
            order=refund.order,
            accepted_at=work.now,
            status="accepted",
            reason="",
            ended_at=None,
        )
        return answer(202, made, location=reverse("api:get_refund", args=[refund_id]))

    return once(request, refund, accept, policy=REFUNDS)


@router.get("/refunds", response=RefundPage, summary="Your refunds")
def list_refunds(
    request: HttpRequest,
    limit: Limit = USUAL,
    cursor: Cursor = None,  # type: ignore[assignment]
) -> RefundPage:
    """Return your refunds, newest first, a page at a time."""
    rows, following = retry_on_disconnect(lambda: page_of(_refunds_of(request), limit, cursor))
    return RefundPage(items=[_shown(row) for row in rows], next=following)


@router.get("/refunds/{uuid:refund_id}", response=Refund, summary="A refund")
def get_refund(
    request: HttpRequest,
    refund_id: Annotated[UUID, Path(description="From the answer that accepted it.")],
) -> Refund:
    """Return the state of a refund."""
    found = retry_on_disconnect(_refunds_of(request).filter(id=refund_id).first)
    if found is None:
        raise not_found(f"refund {refund_id}", refund_id)
    return _shown(found)


def _refunds_of(request: HttpRequest) -> QuerySet[RefundRequest]:
    orders = checkouts_of(known_visitor(request)).values("id")
    return RefundRequest.objects.filter(order_id__in=orders)


def _shown(row: RefundRequest) -> Refund:
    return filled(Refund, row, order=row.order_id)
