"""The record of an incident: the fault, the platform's reaction, and the verdict.

The document outlives the journal's retention, can be exported, and is the source of
pages' and articles' figures. Times are RFC 3339 in UTC, durations seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cluster.health.observer.snapshot import OutageSpan
from cluster.storefront.events import StreamEvent

Label = Literal[
    "injected", "detected", "degraded", "healed", "first success", "recovered", "drained",
    "consistent", "verified",
]  # fmt: skip
# "passed" only when nothing deviated; "aborted" when the method was ended early. A platform that
# is not steady before leaves no record, since nothing was broken.
Status = Literal["passed", "deviated", "aborted"]


class Mark(msgspec.Struct, frozen=True):
    """A moment of the incident."""

    at: str
    label: Label


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the injection, None if the recorder saw no such moment, and counts.

    `first_success_seconds`: until a checkout completed that had been accepted after the
    fault. `drain_seconds`: until the last checkout accepted before the recovery ended.
    `consistent_seconds`: until no message waited, was parked or lay in the dead letters.
    `recover_after_heal_seconds`: the recovery counted from the last heal, for a fault that
    lasts. `compensated_by_fault`: those of the compensated that missed a deadline without having
    asked for it. The others were refused by a rule, such as one of stock. None in older records.
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
    consistent_seconds: float | None = None
    recover_after_heal_seconds: float | None = None
    compensated_by_fault: int | None = None


class Invariant(msgspec.Struct, frozen=True):
    """One checker's answer after the incident (see `cluster/health/checkers`)."""

    name: str
    outcome: str
    checked: int
    sentence: str
    violations: int = 0
    unknown: bool = False
    counterexamples: list[str] = []


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of the method.

    `healed_by`: its rollback, the watchdog, a person at the command line, or the platform
    itself.
    """

    fault: str
    target: str
    injected_at: str
    words: str
    seconds: float | None = None
    healed_at: str | None = None
    healed_by: str = ""


class ProbeReading(msgspec.Struct, frozen=True, kw_only=True):
    """One probe of the steady-state hypothesis at one moment: before, during or after."""

    at: str
    when: Literal["before", "during", "after"]
    probe: str
    ok: bool
    words: str


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """The load: numbers of checkouts started, accepted, refused, and repeated with the same id."""

    profile: str
    handed_in: int
    accepted: int
    refused: int
    repeated: int = 0


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of messages over all services from the beginning of the run to its end.

    `deduplicated`: came again after they had been applied. `redelivered`: delivered again by
    the broker, to services and journal, applied before or not; None in older records, which
    did not count them.
    """

    published: int
    confirmed: int
    deduplicated: int
    parked: int
    dead_lettered: int
    replayed: int
    redelivered: int | None = None


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """The events that a client of the stream saw, `whole` if each seq came once, in order."""

    first_seq: int
    last_seq: int
    events: int
    repeated: int
    missing: int
    reconnects: int
    whole: bool


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The clean verdict on every invariant with which the run began.

    `by` names the run or the command that gave it, and is empty when this run read it first.
    `age_seconds` counts to the beginning of the run.
    """

    at: str
    by: str
    age_seconds: float

    @property
    def sentence(self) -> str:
        if not self.by:
            return (
                "Baseline: no clean verdict was kept, so every invariant was read before the "
                "fault, and held."
            )
        return (
            f"Baseline: every invariant held {_span(self.age_seconds)} before the run, "
            f"by the verdict of {self.by}."
        )


class IncidentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The whole record, `passed` only when nothing deviated."""

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
    status: Status | None = None
    blast_radius: str = ""
    actor: str = ""
    seed: int | None = None
    injections: list[Injection] = []
    readings: list[ProbeReading] = []
    offered: Offered | None = None
    deliveries: Deliveries | None = None
    followed: Followed | None = None
    deviations: list[str] = []
    baseline: Baseline | None = None
    reading: str = ""  # what the verdict afterwards has read; "" in older records, which read all

    def as_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def read_incident(text: bytes) -> IncidentDocument:
    """Read an exported document.

    Raises msgspec.ValidationError when it is not one.
    """
    return msgspec.json.decode(text, type=IncidentDocument)


def _span(seconds: float) -> str:
    for length, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
