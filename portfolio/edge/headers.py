"""Security headers that Django 5.2 does not set itself, the Content-Security-Policy first."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from cluster.kit.middleware import Middleware, Response, Steps

# Only our own origin, and neither inline nor evaluated script or style.
# `connect-src 'self'` covers WebSockets of the same host and port.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeadersMiddleware(Middleware):
    """Middleware that adds the headers above to every response that has not set its own."""

    def around(self, _request: HttpRequest) -> Steps:
        return harden((yield))


def harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
