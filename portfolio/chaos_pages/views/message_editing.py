"""`POST /chaos/surgery/`: start a checkout and edit one of its messages in flight."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from chaos.message_editing import BY_MESSAGE, operate
from cluster.kit.problems import problem
from cluster.kit.visitors import visitor_of
from cluster.messaging.fault_injection import Operation
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.storefront.admission import TooManyRequests
from cluster.storefront.checkout_intake import CheckoutOrder, InvalidRequest, Outcome
from cluster.storefront.transactions import run_in_transaction
from portfolio.chaos_pages.content.message_editing import outcome_of
from portfolio.pages.checkouts import accepted, limit_address

GOODS: Final = "MUG-ENAMEL"
SOLD_OUT: Final = "SOLD-OUT"
AWAY: Final = "The site’s database is away, so nothing was accepted. Try again in a moment."
NO_OPERATION: Final = "Choose what is to be done to the message."
NO_MESSAGE: Final = "Choose one of a checkout’s messages."
NO_NUMBER: Final = "The seconds must be a number."
LONGEST_NUMBER: Final = 8  # characters


@require_POST
def surgery(request: HttpRequest) -> HttpResponse:
    """Accept the checkout and redirect to its page, which shows the edited message."""
    try:
        operation, message, seconds = _wish(request)
    except ValueError as error:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    outcome = outcome_of(BY_MESSAGE[message])
    order = CheckoutOrder(
        visitor=visitor_of(request),
        sku=SOLD_OUT if outcome is Outcome.OUT_OF_STOCK else GOODS,
        quantity=1,
        card=outcome.card,
        requested_outcome=outcome,
    )
    try:
        limit_address(request)
        run_in_transaction(
            lambda work: operate(
                work, checkout=order, operation=operation, message=message, seconds=seconds
            )
        )
    except InvalidRequest as error:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except TooManyRequests as error:
        return problem(request, error.status, str(error), retry_after=error.retry_after)
    except DatabaseUnavailable:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, retry_after=2)
    return accepted(request, order.id)


def _wish(request: HttpRequest) -> tuple[Operation, str, float]:
    """Return the form's operation, message type and delay in seconds.

    Raises ValueError with a sentence.
    """
    try:
        operation = Operation(request.POST.get("operation", ""))
    except ValueError as error:
        raise ValueError(NO_OPERATION) from error
    message = request.POST.get("message", "")
    if message not in BY_MESSAGE:
        raise ValueError(NO_MESSAGE)
    return operation, message, _seconds(request.POST.get("seconds", "").strip())


def _seconds(text: str) -> float:
    if not text:
        return 0.0
    try:
        seconds = float(text) if len(text) <= LONGEST_NUMBER else math.nan
    except ValueError as error:
        raise ValueError(NO_NUMBER) from error
    if not math.isfinite(seconds):
        raise ValueError(NO_NUMBER)
    return seconds
