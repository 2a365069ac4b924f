"""W3C Trace Context, and the derivation of trace and span ids from the ids of messages.

A trace is named after the correlation (the saga) that it begins with, unless a caller has brought
one of its own. The ids of spans are derived so that every reader of an envelope can compute them
all:

- the beginning of the trace: the random half of the correlation, a UUIDv7;
- a message being sent: the random half of the message's id, which its traceparent carries;
- later work on it (published, processed by a service): a hash of that and of the work's name.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from cluster.tracing.recorder import AttributeValue, Kind, Span, record
from config import logs

Named = TypeVar("Named")

LENGTH: Final = 55  # characters of a traceparent of version 00
# At the right of a trace id. The digits before them in a UUIDv7 count within a millisecond.
_RANDOM_DIGITS: Final = 8


class SpanContext(NamedTuple):
    """The identity of a span: its trace id, its span id and whether the trace is sampled.

    The span of that id is the parent of spans within it.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def within(self, span_id: str) -> SpanContext:
        """Return the context of another span of the same trace."""
        return SpanContext(self.trace_id, span_id, self.sampled)


class RequestSpan:
    """One HTTP request, in the span context of the caller's traceparent, if there is one.

    It has almost no cost until a message is sent in it, and only then is its span recorded. It
    joins the caller's trace, or begins the one that is named after the message's correlation.
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


# The HTTP request that this thread or task answers, if it answers one.
current_request: Final[ContextVar[RequestSpan | None]] = ContextVar("request_span", default=None)

# The one message that is being applied, where it is one.
current_span_context: Final[ContextVar[SpanContext | None]] = ContextVar("place", default=None)


# The part of the traces that begin in this context that is sampled.
sampling_ratio: Final[ContextVar[float]] = ContextVar("sampling_ratio", default=1.0)


@contextmanager
def sampled(ratio: float) -> Iterator[None]:
    """Sample this part of the traces that begin in the block."""
    token = sampling_ratio.set(ratio)
    try:
        yield
    finally:
        sampling_ratio.reset(token)


def _span_of_log() -> tuple[str, str] | None:
    """Return the trace id and span id for a log line, or None outside of every span."""
    request = current_request.get()
    place = current_span_context.get() if request is None else request.place or request.caller
    return None if place is None else (place.trace_id, place.span_id)


logs.trace_with(_span_of_log)


def read(traceparent: str | None) -> SpanContext | None:
    """Return the span context that a message's traceparent names, or None.

    None is for a traceparent of another length. Fast, because every message is read: the recorder
    checks whether the ids are hexadecimal.
    """
    if traceparent is None or len(traceparent) != LENGTH:
        return None
    sampled = traceparent[-1] in "13579bdf"
    return SpanContext(traceparent[3:35], traceparent[36:52], sampled)


def below(traceparent: str | None, identifier: object, deed: str) -> str | None:
    """Return the traceparent of later work on a message or an operation, None if it has no trace.

    `identifier` and `deed` name that work, as for `derived`.
    """
    context = read(traceparent)
    return None if context is None else context.within(derived(str(identifier), deed)).traceparent


def sampled_among(named: Iterable[tuple[Named, str | None]]) -> list[tuple[Named, SpanContext]]:
    """Return what has a sampled trace, each beside the context that its traceparent names."""
    found = ((one, read(traceparent)) for one, traceparent in named)
    return [(one, context) for one, context in found if context is not None and context.sampled]


def random_half(identifier: UUID) -> str:
    """Return the id of the span named after a UUIDv7."""
    return identifier.hex[16:]


def derived(span_id: str, deed: str) -> str:
    """Return the id of the span of later work on a message.

    `deed` is `published`, or the name of the service that processed the message.
    """
    return hashlib.blake2b(f"{span_id} {deed}".encode(), digest_size=8).hexdigest()


def named_after(correlation: UUID, *, ratio: float = 1.0) -> SpanContext:
    """Return the context at the root of the trace that is named after a correlation.

    Of all traces, the part `ratio` is sampled: always the same ones.
    """
    trace_id = correlation.hex
    sampled = ratio >= 1.0 or int(trace_id[-_RANDOM_DIGITS:], 16) < ratio * 16**_RANDOM_DIGITS
    return SpanContext(trace_id, random_half(correlation), sampled)
