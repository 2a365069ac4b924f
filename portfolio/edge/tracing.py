"""The span of a request that has work accepted, which is the first of that work's trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.http import HttpRequest
from opentelemetry.trace import format_span_id, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cluster.kit.middleware import Middleware, Response, Steps
from cluster.tracing.context import RequestSpan, SpanContext, current_request
from portfolio.metrics.registry import ROUTE, UNROUTED

_STANDARD: Final = TraceContextTextMapPropagator()


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
    if header is None:
        return None
    found = get_current_span(_STANDARD.extract({"traceparent": header})).get_span_context()
    if not found.is_valid:
        return None
    ids = format_trace_id(found.trace_id), format_span_id(found.span_id)
    return SpanContext(*ids, sampled=found.trace_flags.sampled)


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
        scope[ROUTE] = route  # for portfolio/metrics/registry.py
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
