"""A span as this platform records it, before OpenTelemetry's SDK makes one of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

AttributeValue = str | int | float | bool


class Kind(enum.IntEnum):
    """OpenTelemetry's kinds, by the numbers of its SDK."""

    INTERNAL = 0
    SERVER = 1
    CLIENT = 2
    PRODUCER = 3
    CONSUMER = 4


class Span(NamedTuple):
    """One piece of work: its trace, its parent span, its start and end (ns of the epoch)."""

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str | None
    start: int
    end: int
    attributes: Mapping[str, AttributeValue]
    error: str = ""
