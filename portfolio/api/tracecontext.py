"""W3C Trace Context: an answer names the trace that its request belongs to.

`portfolio.edge.tracing` reads a caller's `traceparent`, and every message that the request sends
continues its trace. Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse

from cluster.tracing.context import current_request

FIELD: Final = "traceparent"


def name_trace(response: HttpResponse) -> HttpResponse:
    """Return the response with the `traceparent` of the work it started, else the caller's."""
    span = current_request.get()
    place = span and (span.place or span.caller)
    if place:
        response.headers[FIELD] = place.traceparent
    return response
