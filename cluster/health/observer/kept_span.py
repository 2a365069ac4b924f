"""A span as the observer keeps and returns it. The site reads this form."""

from __future__ import annotations

from msgspec import Struct

AttributeValue = str | int | float | bool


class KeptSpan(Struct, frozen=True, kw_only=True):
    """One span. Times are nanoseconds of the epoch. `service` is the process that made it.

    `kind` is OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: int
    service: str
    start: int
    end: int
    error: str = ""
    attributes: dict[str, AttributeValue] = {}

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start) / 1_000_000


class KeptTrace(Struct, frozen=True, kw_only=True):
    """All spans of one trace that have come so far, in the order of their starts."""

    trace_id: str
    spans: list[KeptSpan]
