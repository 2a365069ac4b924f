"""Erasures: every service replaces a visitor's name by a pseudonym."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Path, Router, Schema
from pydantic import Field

from cluster.messaging.work import UnitOfWork
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.checkout_intake import accept_erasure
from cluster.storefront.models import ErasureRequest
from cluster.storefront.repository import erasure as accepted_erasure
from portfolio.api.describe import told
from portfolio.api.idempotency import Answer, answer, once
from portfolio.api.problems import not_found
from portfolio.api.rate_limits import ERASURES, limit_address
from portfolio.api.schemas import Asked, filled
from portfolio.api.visitor import known_visitor

router = Router(tags=["Erasures"])


class ErasureAsked(Asked):
    """A request to be forgotten. An erasure cannot be undone, so `confirm` must be true."""

    confirm: Literal[True] = Field(description="Yes, forget me.")


class Erasure(Schema):
    """An erasure. After its end the site keeps no visitor's name with it."""

    id: UUID
    accepted_at: datetime
    status: Literal["accepted", "completed", "refused"]
    reason: str = Field(description="Why identity refused it; empty otherwise.")
    ended_at: datetime | None


class ErasureList(Schema):
    """Your open erasure, if there is one.

    An erasure that has ended belongs to no visitor, so it is not listed.
    """

    items: list[Erasure]


@router.post(
    "/erasures",
    response={202: Erasure},
    summary="Be forgotten",
    openapi_extra=told(
        errors=(429,), idempotent=True, located=True, request_example={"confirm": True}
    ),
)
def request_erasure(request: HttpRequest, erasure: ErasureAsked) -> HttpResponse:
    """Have every service replace your name by a pseudonym. One erasure can be open at a time."""

    def accept(work: UnitOfWork, visitor: str) -> Answer:
        limit_address(request, ERASURES)
        erasure_id = accept_erasure(work, visitor=visitor)
        row = accepted_erasure(work.cursor, erasure_id)
        assert row is not None, "it was accepted in this transaction, or before"
        return answer(
            202, filled(Erasure, row), location=reverse("api:get_erasure", args=[erasure_id])
        )

    return once(request, erasure, accept)


@router.get("/erasures", response=ErasureList, summary="Your open erasure")
def list_erasures(request: HttpRequest) -> ErasureList:
    """Return your open erasure in a list, which is empty when you have none."""
    mine = ErasureRequest.objects.filter(visitor=known_visitor(request), status="accepted")
    return ErasureList(
        items=[filled(Erasure, row) for row in retry_on_disconnect(lambda: list(mine))]
    )


@router.get("/erasures/{uuid:erasure_id}", response=Erasure, summary="An erasure")
def get_erasure(
    request: HttpRequest,
    erasure_id: Annotated[UUID, Path(description="From the answer that accepted it.")],
) -> Erasure:
    """Return the state of an erasure.

    After its end it names no visitor, so every caller that knows its id may read it.
    """
    readable = Q(visitor=known_visitor(request)) | ~Q(status="accepted")
    found = retry_on_disconnect(ErasureRequest.objects.filter(readable, id=erasure_id).first)
    if found is None:
        raise not_found(f"erasure {erasure_id}", erasure_id)
    return filled(Erasure, found)
