"""POST /checkouts/: a visitor starts a real checkout."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from cluster.kit.problems import problem, wants_json
from cluster.kit.visitors import address_key, visitor_of
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.storefront.admission import TooManyRequests, limit_visitor
from cluster.storefront.checkout_intake import (
    MAX_QUANTITY,
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    accept_checkouts,
)
from cluster.storefront.headcode import headcode
from cluster.storefront.transactions import run_in_transaction
from portfolio.edge.rate_limit import FixedWindowLimiter

PERIOD: Final = 60  # seconds
# In that period, by pages and API together: six visitors of one office at their full pace.
MOST_OF_ADDRESS: Final = 60

_of_addresses: Final = FixedWindowLimiter("checkouts", MOST_OF_ADDRESS, PERIOD)

# The other outcomes follow from the product that is chosen.
OUTCOMES: Final = (
    (Outcome.SUCCESS.value, "pay with a good card"),
    (Outcome.DECLINED.value, "pay with a card that is declined"),
    (Outcome.PROVIDER_SILENT.value, "pay, and the provider never answers"),
    (Outcome.LATE_SUCCESS.value, "pay, and the provider answers too late"),
)


class CheckoutForm(forms.Form):
    """The fields of a checkout. `accept_checkouts` checks that the product exists."""

    sku = forms.CharField(max_length=100, error_messages={"required": "Choose a product."})
    quantity = forms.IntegerField(
        min_value=1,
        max_value=MAX_QUANTITY,
        required=False,
        error_messages={
            "invalid": "The quantity must be a whole number.",
            "min_value": f"The quantity must be between 1 and {MAX_QUANTITY}.",
            "max_value": f"The quantity must be between 1 and {MAX_QUANTITY}.",
        },
    )
    outcome = forms.ChoiceField(
        choices=OUTCOMES,
        error_messages={
            "required": "Choose an outcome.",
            "invalid_choice": "There is no such outcome.",
        },
    )

    def sentence(self) -> str:
        """Return all errors in plain sentences."""
        return " ".join(str(message) for errors in self.errors.values() for message in errors)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Accept one checkout and redirect to its page, or answer with a problem."""
    form = CheckoutForm(request.POST)
    if not form.is_valid():
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, form.sentence())
    outcome = Outcome(form.cleaned_data["outcome"])
    order = CheckoutOrder(
        visitor=visitor_of(request),
        sku=form.cleaned_data["sku"],
        quantity=form.cleaned_data["quantity"] or 1,
        card=outcome.card,
        requested_outcome=outcome,
    )
    try:
        limit_address(request)
        run_in_transaction(lambda work: _accept(work, order))
    except InvalidRequest as error:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except TooManyRequests as error:
        return problem(request, error.status, str(error), retry_after=error.retry_after)
    except DatabaseUnavailable:
        return problem(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The site's database is away, so nothing was accepted. Try again in a moment.",
            retry_after=2,
        )
    return accepted(request, order.id)


def _accept(work: UnitOfWork, order: CheckoutOrder) -> None:
    limit_visitor(work, visitor=order.visitor, checkout=order.id)
    accept_checkouts(work, requests=[order])


def limit_address(request: HttpRequest) -> None:
    """Raise TooManyRequests when one address starts too many checkouts, regardless of cookies."""
    wait = _of_addresses.take(address_key(request))
    if wait:
        raise TooManyRequests(
            f"{MOST_OF_ADDRESS} checkouts were started from your address within a minute. "
            "Wait a little.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=wait,
        )


def accepted(request: HttpRequest, checkout_id: UUID) -> HttpResponse:
    """Return a redirect to the checkout's page, or for programs its id and address as JSON."""
    address = reverse("saga", args=[checkout_id])
    if not wants_json(request):
        return HttpResponseRedirect(address)
    code = headcode(checkout_id)
    # `headcode` is what `short_id` was called before, for programs that still read it.
    body = {"id": str(checkout_id), "short_id": code, "headcode": code, "status": "accepted"}
    return JsonResponse(body, status=HTTPStatus.ACCEPTED, headers={"Location": address})
