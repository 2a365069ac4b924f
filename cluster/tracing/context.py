"""W3C Trace Context, and how the ids of traces and spans follow from the ids of messages.

A trace is named after the correlation (the saga) that it begins with, unless a caller has
brought one of its own. Spans are named so that whoever has an envelope can name them all:

- what begins the trace: the random half of the correlation, a UUIDv7;
- a message being sent: the random half of the message's id, which its traceparent carries;
- what becomes of it (published, processed by a service): a hash of that and of the deed.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from config import logs

if TYPE_CHECKING:
    from cluster.tracing.request import RequestSpan

SAMPLED: Final = 0x01
LENGTH: Final = 55  # characters of a traceparent of version 00
# At the right of a trace id; what stands before them in a UUIDv7 counts within a millisecond.
_RANDOM_DIGITS: Final = 8


class SpanContext(NamedTuple):
    """A place in a trace: the span of that id is the parent of what happens there."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def within(self, span_id: str) -> SpanContext:
        """The place inside another span of the same trace."""
        return SpanContext(self.trace_id, span_id, self.sampled)


# The HTTP request that this thread or task answers, if it answers one.
current_request: Final[ContextVar[RequestSpan | None]] = ContextVar("request_span", default=None)

# The one message that is being applied, where it is one.
current_span_context: Final[ContextVar[SpanContext | None]] = ContextVar("place", default=None)


def _span_of_log() -> tuple[str, str] | None:
    """The trace id and span id of what is logged now; None outside of every span."""
    request = current_request.get()
    place = current_span_context.get() if request is None else request.place or request.caller
    return None if place is None else (place.trace_id, place.span_id)


logs.trace_with(_span_of_log)


def read(traceparent: str | None) -> SpanContext | None:
    """The place that a message's traceparent names; None without one of the usual length.

    Fast, because every message is read: whether the ids are hexadecimal is for the recorder.
    """
    if traceparent is None or len(traceparent) != LENGTH:
        return None
    sampled = traceparent[-1] in "13579bdf"
    return SpanContext(traceparent[3:35], traceparent[36:52], sampled)


def random_half(identifier: UUID) -> str:
    """The span named after a UUIDv7."""
    return identifier.hex[16:]


def derived(span_id: str, deed: str) -> str:
    """The span of what was done with a message (`published`, or the service that processed it)."""
    return hashlib.blake2b(f"{span_id} {deed}".encode(), digest_size=8).hexdigest()


def named_after(correlation: UUID, *, ratio: float = 1.0) -> SpanContext:
    """The place at the root of the trace that is named after a correlation.

    Of all traces, the part `ratio` is sampled: always the same ones.
    """
    trace_id = correlation.hex
    sampled = ratio >= 1.0 or int(trace_id[-_RANDOM_DIGITS:], 16) < ratio * 16**_RANDOM_DIGITS
    return SpanContext(trace_id, random_half(correlation), sampled)
