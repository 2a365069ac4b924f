"""`/.well-known/jwks.json`: the public keys that verify this site's tokens."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from cluster.kit.problems import problem
from cluster.secrets.vault import SecretsError
from cluster.storefront.tokens.keys import FRESH, key_set


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Return the public keys as a JWK Set (RFC 7517)."""
    try:
        found = key_set()
    except SecretsError:
        return problem(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "OpenBao, which has the keys, is away.",
            retry_after=2,
        )
    return JsonResponse(
        found,
        content_type="application/jwk-set+json",
        headers={"Cache-Control": f"public, max-age={FRESH:.0f}"},
    )
