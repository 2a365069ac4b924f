"""The contact form over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from articles.owner.queries import NotKnown, Words, words_of
from cluster.kit.problems import PROBLEM_JSON, wants_json
from cluster.kit.visitors import address_key
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.storefront.contact.accept import DAY, NewMessage, TooManyMessages, keep
from cluster.storefront.transactions import run_in_transaction
from portfolio.contact.form import LONGEST_MESSAGE, MOST_LINKS, ContactForm
from portfolio.contact.form_token import new_pass
from portfolio.edge.rate_limit import FixedWindowLimiter

AWAY: Final = (
    "The site’s database is away, so your message was not kept. It is still in the form: "
    "send it again in a moment."
)
EXPIRED: Final = (
    "The form had expired, or your browser keeps no cookies for this site. Your words are still "
    "here: send them again."
)

# In a day: enough for an office, and a tenth of what all together may write (MOST_OF_ALL).
MOST_OF_ADDRESS: Final = 20
_of_addresses: Final = FixedWindowLimiter("contact", MOST_OF_ADDRESS, int(DAY.total_seconds()))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    """Show the contact form, or keep the message that was sent with it."""
    if request.method != "POST":
        return _drawn(request, ContactForm())
    form = ContactForm(request.POST)
    if not form.is_valid():
        return refused(request, form, HTTPStatus.UNPROCESSABLE_ENTITY, form.sentences())
    letter = NewMessage(
        id=form.id,
        name=form.cleaned_data["name"],
        email=form.cleaned_data["email"],
        subject=form.cleaned_data["subject"],
        message=form.cleaned_data["message"],
        remote=remote_of(request),
        trapped=form.is_trapped,
    )
    try:
        limit_address(request)
        run_in_transaction(lambda work: keep(work, letter))
    except TooManyMessages as error:
        return refused(
            request, form, error.status, {"form": [str(error)]}, retry_after=error.retry_after
        )
    except DatabaseUnavailable:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return refused(request, form, status, {"form": [AWAY]}, retry_after=5)
    if wants_json(request):
        return JsonResponse({"id": str(letter.id), "status": "kept"}, status=HTTPStatus.CREATED)
    return HttpResponseRedirect(reverse("contact-sent"))


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """Show the page that follows a kept message, which may be reloaded."""
    return render(request, "portfolio/contact_sent.html", {"words": _words()})


def expired(request: HttpRequest) -> HttpResponse:
    """Show the form again with its contents, after the request's token was refused."""
    form = ContactForm(request.POST)
    return refused(request, form, HTTPStatus.FORBIDDEN, {"form": [EXPIRED]})


def refused(
    request: HttpRequest,
    form: ContactForm,
    status: HTTPStatus,
    sentences: dict[str, list[str]],
    *,
    retry_after: int | None = None,
) -> HttpResponse:
    """Return the errors beside the form's fields, or as a problem document for programs."""
    response: HttpResponse
    if wants_json(request):
        body = {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": " ".join(sentence for found in sentences.values() for sentence in found),
            "instance": request.path,
            # An extension member (RFC 9457, 3.2): the sentences by field.
            "errors": sentences,
        }
        response = JsonResponse(body, status=status, content_type=PROBLEM_JSON)
    else:
        response = _drawn(request, form, status=status, sentences=sentences)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def limit_address(request: HttpRequest) -> None:
    """Raise TooManyMessages when one address sends too many, before they wait for the database."""
    if wait := _of_addresses.take(address_key(request)):
        raise TooManyMessages(
            f"{MOST_OF_ADDRESS} messages were sent from your address within a day. "
            "Wait before the next.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=wait,
        )


def remote_of(request: HttpRequest) -> str:
    """Return a keyed hash of the sender's network, which does not reveal the address."""
    return address_key(request, salt="portfolio.contact.remote")


def _drawn(
    request: HttpRequest,
    form: ContactForm,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    sentences: dict[str, list[str]] | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "words": _words(),
        "form": form,
        "typed": {name: form.typed(name) for name in form.fields},
        "wrong": sentences or {},
        "pass": form.next_pass if form.is_bound else new_pass(),
        "longest": LONGEST_MESSAGE,
        "most_links": MOST_LINKS,
    }
    return render(request, "portfolio/contact.html", context, status=status)


def _words() -> Words | None:
    """Return the words of the page, or None while they cannot be read.

    The form works without them.
    """
    try:
        return words_of("contact")
    except NotKnown:
        return None
