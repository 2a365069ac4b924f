"""The page of the payment provider's keys: when each was rotated, and a rotation on demand.

The site can wish a rotation and cannot read a key: docs/adr/0043-provider-keys.md.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_POST

from chaos.experiments.repository import note
from cluster.kit.problems import problem
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import life, read_rotations, wish_rotation
from cluster.secrets.secret_reader import shared_client
from cluster.secrets.vault import SecretsError

AWAY = "The secrets server is away, so this cannot be read or asked for at this moment."
RETRY_AFTER = 5  # seconds


@require_http_methods(["GET", "HEAD"])
def show(request: HttpRequest) -> HttpResponse:
    """List the keys with their age."""
    _require_owner(request)
    context: dict[str, Any] = {}
    try:
        found = read_rotations(shared_client())
    except SecretsError:
        context["away"] = AWAY
    else:
        context["rows"] = [
            {
                "kind": kind,
                "since": one.since,
                "next": one.since + life() if one.since else None,
                "is_wanted": one.is_wanted,
            }
            for kind, one in found.items()
        ]
    shared = admin.site.each_context(request)
    page = {**shared, "title": "Keys of the payment provider", **context}
    return render(request, "admin/cluster/provider_keys.html", page)


@require_POST
def rotate(request: HttpRequest, slug: str) -> HttpResponse:
    """Wish the rotation of a key, and record who did."""
    _require_owner(request)
    try:
        kind = KeyKind.of_slug(slug)
    except ValueError as error:
        raise Http404(f"There is no key {slug}.") from error
    actor = request.user.get_username()
    # Before the wish, as with faults: what cannot be recorded is not done.
    note(actor=actor, action="asked to rotate", target=f"the provider's {kind.words}")
    try:
        wish_rotation(shared_client(), kind, by=actor)
    except SecretsError:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, retry_after=RETRY_AFTER)
    messages.success(
        request,
        f"Asked for: the gateway rotates the {kind.words} within a few seconds. The one before is "
        "still valid for a moment, so that no request fails.",
    )
    return redirect("admin:provider_keys")


def urls(view: Any) -> list[URLPattern]:
    """Return the addresses, each with `view` around its view."""
    return [
        path("cluster/provider-keys/", view(show), name="provider_keys"),
        path("cluster/provider-keys/<slug:slug>/rotate/", view(rotate), name="provider_key_rotate"),
    ]


def _require_owner(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied
