"""Security headers that Django 5.2 does not set itself, the Content-Security-Policy first."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from cluster.kit.middleware import Middleware, Response, Steps

# Only our own origin, and neither inline nor evaluated script or style.
# `connect-src 'self'` covers WebSockets of the same host and port.
ADMIN_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Trusted Types: no text becomes elements, except through the policy of kit/own-markup.js. Not in
# the admin: Django's jQuery assigns `innerHTML` when it is loaded.
CONTENT_SECURITY_POLICY: Final = (
    f"{ADMIN_POLICY}; require-trusted-types-for 'script'; trusted-types own-markup"
)
ADMIN: Final = "/admin/"

HEADERS: Final = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeadersMiddleware(Middleware):
    """Middleware that adds the headers above to every response that has not set its own."""

    def around(self, request: HttpRequest) -> Steps:
        in_admin = request.path.startswith(ADMIN)
        return harden((yield), ADMIN_POLICY if in_admin else CONTENT_SECURITY_POLICY)


def harden(response: Response, policy: str = CONTENT_SECURITY_POLICY) -> Response:
    response.headers.setdefault("Content-Security-Policy", policy)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
