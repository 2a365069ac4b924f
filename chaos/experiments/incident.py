"""An incident as it is kept: what broke, what the platform did, and whether all came through.

The document outlives the journal's retention, can be exported, and is what pages
and articles draw. Times are RFC 3339 in UTC, durations seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chaos.observer.snapshot import OutageSpan
from portfolio.events import StreamEvent

Label = Literal["injected", "detected", "first success", "recovered", "drained", "verified"]


class Mark(msgspec.Struct, frozen=True):
    """A moment of the incident."""

    at: str
    label: Label


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counted from the injection. None: it did not happen while the recorder watched.

    `first_success_seconds`: until a checkout completed that had been accepted after the
    fault. `drain_seconds`: until the last checkout accepted before the recovery ended.
    """

    detect_seconds: float | None
    first_success_seconds: float | None
    recover_seconds: float | None
    drain_seconds: float | None
    checkouts: int
    refused: int
    completed: int
    compensated: int
    unfinished: int
    deduplicated: int
    dead_lettered: int
    violations: int
    undecided: int


class Invariant(msgspec.Struct, frozen=True):
    """One checker's answer after the incident; see `chaos/checkers`."""

    name: str
    outcome: str
    checked: int
    sentence: str


class IncidentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The whole record. `passed` only when nothing deviated at all."""

    id: str
    title: str
    summary: str
    experiment: str
    fault: str
    process: str
    hypothesis: str
    recorded_at: str
    revision: str
    machine: str
    began: str
    ended: str
    rate: float
    passed: bool
    figures: Figures
    marks: list[Mark]
    outages: list[OutageSpan]
    invariants: list[Invariant]
    events: list[StreamEvent]

    def as_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def read_incident(text: bytes) -> IncidentDocument:
    """Read an exported document. Raises msgspec.ValidationError when it is none."""
    return msgspec.json.decode(text, type=IncidentDocument)
