"""W3C Trace Context: an answer names the trace that its request belongs to.

What a caller's `traceparent` says is read by `portfolio.web.tracing`, and handed on to every
message that the request sends. Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse

from cluster.tracing.context import current_request

FIELD: Final = "traceparent"


def name_trace(response: HttpResponse) -> HttpResponse:
    """The response with its place in a trace: of what it started, or else of the caller's."""
    span = current_request.get()
    place = span and (span.place or span.caller)
    if place:
        response.headers[FIELD] = place.traceparent
    return response
