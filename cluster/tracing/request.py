"""The span of an HTTP request, recorded only when the request sends a message."""

from __future__ import annotations

import time
from uuid import UUID

from cluster.tracing.context import SpanContext, named_after, random_half
from cluster.tracing.recorder import AttributeValue, Kind, Span, record


class RequestSpan:
    """One request, with the span context of the caller's traceparent as `parent`, if there is one.

    It has almost no cost until a message is sent in it. Then it joins the caller's trace, or begins
    the one that is named after the message's correlation.
    """

    def __init__(self, parent: SpanContext | None) -> None:
        self.caller = parent
        self._start = time.time_ns()
        self.place: SpanContext | None = None

    def join(self, correlation: UUID) -> SpanContext:
        """Return the span context of the messages sent now.

        The first correlation names the span.
        """
        if self.place is None:
            caller = self.caller
            self.place = (
                named_after(correlation)
                if caller is None
                else caller.within(random_half(correlation))
            )
        return self.place

    def end(self, *, method: str, route: str, path: str, status: int) -> None:
        """Record the span, if a message was sent in it and it is sampled."""
        place = self.place
        if place is None or not place.sampled:
            return
        parent = self.caller.span_id if self.caller else None
        attributes: dict[str, AttributeValue] = {
            "http.request.method": method,
            "http.route": route,
            "url.path": path,
            "http.response.status_code": status,
        }
        span = Span(
            f"{method} {route}",
            Kind.SERVER,
            place.trace_id,
            place.span_id,
            parent,
            self._start,
            time.time_ns(),
            attributes,
            error=f"{status}" if status >= 500 else "",  # noqa: PLR2004 - a server's fault
        )
        record(lambda: [span])
