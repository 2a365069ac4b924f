"""The span of a request that has work accepted, which is the first of that work's trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.http import HttpRequest

from cluster.kit.middleware import Middleware, Response, Steps
from cluster.tracing.context import SpanContext, current_request, read
from cluster.tracing.request import RequestSpan
from portfolio.metrics.requests import ROUTE, UNROUTED

HEX: Final = frozenset("0123456789abcdef")


class TracingMiddleware(Middleware):
    """Middleware that reads the caller's traceparent and sends the work's in `traceresponse`."""

    def around(self, request: HttpRequest) -> Steps:
        with _traced(request) as span:
            response = yield
        return _ended(request, span, response)


def incoming(header: str | None) -> SpanContext | None:
    """Return the span context of a caller's `traceparent`, or None when it is not valid.

    Source: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    if header is None or len(header) < 55 or header[:2] == "ff":  # noqa: PLR2004 - version 00's
        return None
    if header[:2] == "00" and len(header) != 55:  # noqa: PLR2004
        return None
    parts = header[:55].split("-")
    if [len(part) for part in parts] != [2, 32, 16, 2] or not HEX.issuperset("".join(parts)):
        return None
    if header[55:56] not in ("", "-") or not int(parts[1], 16) or not int(parts[2], 16):
        return None
    return read(header[:55])


@contextmanager
def _traced(request: HttpRequest) -> Iterator[RequestSpan]:
    span = RequestSpan(incoming(request.headers.get("traceparent")))
    token = current_request.set(span)
    try:
        yield span
    finally:
        current_request.reset(token)


def _ended(request: HttpRequest, span: RequestSpan, response: Response) -> Response:
    route = _route(request)
    scope = getattr(request, "scope", None)
    if scope is not None:
        scope[ROUTE] = route  # for portfolio/metrics/requests.py
    if span.place is None:
        return response
    # Trace Context defines no field for answers; its second level has this one, traceresponse.
    response.headers.setdefault("traceresponse", span.place.traceparent)
    span.end(
        method=request.method or "",
        route=route,
        path=request.path,
        status=response.status_code,
    )
    return response


def _route(request: HttpRequest) -> str:
    """Return the template of the address, which is the same for every visitor."""
    match = request.resolver_match
    return f"/{match.route}" if match else UNROUTED
