"""The pages of the dead letters: the list over all services, one of them, and sending again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cluster.health.observer.dead_letters import MOST
from cluster.messaging.models import DeadLetter
from cluster.messaging.queries import KeptDeadLetter
from cluster.secrets.postgres import DatabaseUnavailable
from config.environment import DATABASES
from portfolio.admin_site.contents import REPLAY_LETTERS, SEE_LETTERS
from portfolio.admin_site.dead_letter_client import (
    DeadLettersAway,
    NoSuchDeadLetter,
    ask_for_replays,
    content_of,
    find_dead_letter,
    list_dead_letters,
)

MOST_AT_ONCE: Final = 100  # dead letters sent again by one form
NOT_SENT: Final = "The site’s database is away, so nothing was sent. Try again in a moment."


@require_http_methods(["GET", "HEAD"])
def show_all(request: HttpRequest) -> HttpResponse:
    """List the newest dead letters of all services or of one, waiting or already replayed."""
    _require(request, SEE_LETTERS)
    service = request.GET.get("service")
    if service not in DATABASES:
        service = None
    replayed = request.GET.get("state") == "replayed"
    context: dict[str, Any] = {
        "services": DATABASES,
        "service": service,
        "replayed": replayed,
        "most": MOST,
        "may_replay": request.user.has_perm(REPLAY_LETTERS),
    }
    try:
        context["found"] = list_dead_letters(service=service, replayed=replayed)
    except DeadLettersAway as error:
        context["away"] = str(error)
    return _page(request, "admin/cluster/dead_letters.html", "Dead letters", context)


@require_http_methods(["GET", "HEAD"])
def show(request: HttpRequest, service: str, number: int) -> HttpResponse:
    """Show one dead letter with the reason of its failure and its content."""
    _require(request, SEE_LETTERS)
    context: dict[str, Any] = {"may_replay": request.user.has_perm(REPLAY_LETTERS)}
    try:
        letter = find_dead_letter(service, number)
    except NoSuchDeadLetter as error:
        raise Http404(str(error)) from error
    except DeadLettersAway as error:
        context["away"] = str(error)
    else:
        context |= {"letter": letter, "content": content_of(letter)}
    title = f"Dead letter {service}:{number}"
    return _page(request, "admin/cluster/dead_letter.html", title, context)


@require_POST
def replay(request: HttpRequest) -> HttpResponse:
    """Ask the user to confirm the chosen dead letters, then have them sent again."""
    _require(request, REPLAY_LETTERS)
    chosen = list(dict.fromkeys(request.POST.getlist("letter")))
    if not chosen:
        messages.warning(request, "No letter was chosen, so nothing was sent.")
        return redirect("admin:deadletters")
    if len(chosen) > MOST_AT_ONCE:
        messages.error(request, f"At most {MOST_AT_ONCE} at once; nothing was sent.")
        return redirect("admin:deadletters")
    try:
        letters = [_chosen(text) for text in chosen]
    except (NoSuchDeadLetter, DeadLettersAway) as error:
        messages.error(request, f"{error} Nothing was sent.")
        return redirect("admin:deadletters")
    if request.POST.get("confirmed") != "yes":
        return _confirm(request, letters)
    return _send(request, letters)


def _confirm(request: HttpRequest, letters: list[KeptDeadLetter]) -> HttpResponse:
    rows = [(letter, content_of(letter).hopeless) for letter in letters]
    context = {"rows": rows, "hopeless": sum(1 for _, why in rows if why)}
    title = "Send again?" if len(letters) == 1 else f"Send {len(letters)} letters again?"
    return _page(request, "admin/cluster/dead_letters_confirm.html", title, context)


def _send(request: HttpRequest, letters: list[KeptDeadLetter]) -> HttpResponse:
    try:
        ask_for_replays(letters)
    except DatabaseUnavailable:
        context = {"rows": [(letter, None) for letter in letters], "away": NOT_SENT}
        title = "Nothing was sent"
        template = "admin/cluster/dead_letters_confirm.html"
        return _page(request, template, title, context, status=HTTPStatus.SERVICE_UNAVAILABLE)
    _log(request, letters)
    names = ", ".join(letter.id for letter in letters[:5])
    more = f" and {len(letters) - 5} more" if len(letters) > 5 else ""  # noqa: PLR2004
    messages.success(
        request,
        f"Asked for: {names}{more}. Each service sends its own again as soon as it hears of it; "
        "a letter stays in this list until then, and comes back as a new one if it fails again.",
    )
    return redirect("admin:deadletters")


def _log(request: HttpRequest, letters: list[KeptDeadLetter]) -> None:
    """Record the request among the recent actions of this user, like any change in the admin."""
    user = request.user
    assert isinstance(user, User), "who may send letters again is signed in"
    kind = ContentType.objects.get_for_model(DeadLetter)
    LogEntry.objects.bulk_create(
        LogEntry(
            user=user,
            content_type=kind,
            object_id=letter.id,
            object_repr=f"{letter.id} {letter.type}"[:200],
            action_flag=CHANGE,
            change_message="Asked for it to be sent again.",
        )
        for letter in letters
    )


def _chosen(text: str) -> KeptDeadLetter:
    """Return the dead letter of `service:number`, or of `service:number:replays`.

    Raises NoSuchDeadLetter when its count of replays is not `replays` any more, and
    DeadLettersAway.
    """
    service, _, rest = text.partition(":")
    number, _, seen = rest.partition(":")
    if not (number.isascii() and number.isdigit()):
        raise NoSuchDeadLetter(f"There is no dead letter {text}.")
    letter = find_dead_letter(service, int(number))
    if seen and seen != str(letter.replays):
        raise NoSuchDeadLetter(f"The dead letter {letter.id} was sent again meanwhile.")
    return letter


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _page(
    request: HttpRequest,
    template: str,
    title: str,
    context: dict[str, Any],
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    if "away" in context and status == HTTPStatus.OK:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    shared = admin.site.each_context(request)
    return render(request, template, {**shared, "title": title, **context}, status=status)
