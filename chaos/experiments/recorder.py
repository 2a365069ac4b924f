"""Run one experiment under load and record the incident, from injection to proof.

Steady before → load → fault → watch with the observer's probes, the same before,
during and after → end of load → every checkout ended → checkers → document.
"""

from __future__ import annotations

import os
import platform as machine_facts
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from chaos.checkers.finding import Outcome
from chaos.checkers.verify import Verdict
from chaos.experiments.catalogue import Experiment
from chaos.experiments.incident import Figures, IncidentDocument, Invariant, Mark
from chaos.experiments.load import Load
from chaos.observer.client import latest
from chaos.observer.snapshot import OutageSpan, Snapshot
from cluster.messaging.envelope import new_message_id
from cluster.operations.checkouts import CheckoutState, Counter
from cluster.operations.verification import run_verify
from cluster.secrets.postgres import DatabaseUnavailable, database
from cluster.secrets.vault import SecretsError
from compose.errors import PlainError
from compose.supervisor import Supervisor
from portfolio.events import StreamEvent, present
from portfolio.source.revision import running_revision

LOOK_EVERY: Final = 0.1  # seconds
STEADY_WITHIN: Final = 30.0  # seconds for the platform to be steady before anything breaks
CALM_BEFORE: Final = 4.0  # seconds of load before the fault
CALM_AFTER: Final = 4.0  # seconds of load after the recovery
RECOVERED_WITHIN: Final = 60.0  # seconds; no fault may live longer
ENDED_WITHIN: Final = 120.0  # seconds: the longest deadline, and the compensation after it
REST_WITHIN: Final = 60.0  # seconds for the checkers to find the platform at rest
DATABASE_WITHIN: Final = 60.0  # seconds for a database that is coming back

LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM journal"
ENTRIES: Final = """
    SELECT seq, message_id, source, type, subject, sequence, correlation, time, envelope->'data'
      FROM journal WHERE seq > %s AND seq <= %s AND time BETWEEN %s AND %s ORDER BY seq
"""
COMPLETED: Final = "checkout.checkout_completed.v1"

Say = Callable[[str], None]


@dataclass
class Recording:
    """What is learnt while the experiment runs. Moments are in UTC."""

    experiment: Experiment
    load: Load
    first_seq: int
    began: datetime
    moments: dict[str, datetime] = field(default_factory=dict)
    outages: dict[str, OutageSpan] = field(default_factory=dict)

    def see(self, snapshot: Snapshot | None) -> None:
        """Remember every outage since the fault, and when this one was noticed and over."""
        injected = self.moments.get("injected")
        if snapshot is None or injected is None:
            return
        for span in snapshot.outages:
            if moment(span.began) >= injected.replace(microsecond=0):
                self.outages[span.id] = span
        mine = [span for span in self.outages.values() if span.process == self.experiment.process]
        if mine:
            self.moments.setdefault("detected", datetime.now(UTC))
        if mine and all(span.ended for span in mine):
            ends = [moment(span.ended) for span in mine if span.ended]
            self.moments.setdefault("recovered", max(ends))

    @property
    def recovered(self) -> bool:
        return "recovered" in self.moments


def record(experiment: Experiment, *, rate: float, say: Say) -> IncidentDocument:
    """Break it, watch, and prove. Raises PlainError when the platform is not steady before."""
    say("waiting for the steady state")
    _await(_steady, within=STEADY_WITHIN, failure="The platform is not steady, so nothing broke.")
    load = Load(rate)
    recording = Recording(experiment, load, _last_seq(), datetime.now(UTC))
    load.begin()
    try:
        _watch(recording, seconds=CALM_BEFORE)
        say(f"killing {experiment.process}")
        recording.moments["injected"] = datetime.now(UTC)
        Supervisor.connect().kill(experiment.process, experiment.fault)
        say("watching it recover")
        _watch(recording, seconds=RECOVERED_WITHIN, until=lambda: recording.recovered)
        _watch(recording, seconds=CALM_AFTER)
    finally:
        load.end()
    say("waiting for every checkout to end")
    states = _await_ended(load)
    ended = datetime.now(UTC)
    say("checking every invariant")
    verdict = _patiently(lambda: run_verify(wait=REST_WITHIN))
    recording.moments["verified"] = datetime.now(UTC)
    return _document(recording, states, verdict, ended)


def moment(text: str) -> datetime:
    """A time of a document, aware and in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _watch(
    recording: Recording, *, seconds: float, until: Callable[[], bool] = lambda: False
) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        recording.see(latest())
        time.sleep(LOOK_EVERY)


def _steady() -> bool:
    snapshot = latest()
    return snapshot is not None and snapshot.state == "steady"


def _await(condition: Callable[[], bool], *, within: float, failure: str) -> None:
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise PlainError(f"{failure} `python3 manage.py cluster status` says more.")
        time.sleep(LOOK_EVERY)


def _await_ended(load: Load) -> dict[Any, CheckoutState]:
    """How each accepted checkout stands when all have ended, or when the patience has."""
    counter = Counter()
    end = time.monotonic() + ENDED_WITHIN
    while True:
        states = counter.states(load.accepted)
        if all(state.ended for state in states.values()) or time.monotonic() > end:
            return states
        time.sleep(LOOK_EVERY)


def _patiently(act: Callable[[], Any]) -> Any:
    """Run `act`, again while a server is still coming back."""
    end = time.monotonic() + DATABASE_WITHIN
    while True:
        try:
            return act()
        except (psycopg.OperationalError, DatabaseUnavailable, SecretsError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(LOOK_EVERY)


def _last_seq() -> int:
    with database("site", auditor=True).connect(autocommit=True) as connection:
        row = connection.execute(LAST_SEQ).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])


def _document(
    recording: Recording,
    states: dict[Any, CheckoutState],
    verdict: Verdict,
    ended: datetime,
) -> IncidentDocument:
    entries = _patiently(lambda: _entries(recording, ended))
    _note_ends(recording, states, entries)
    figures = _figures(recording, states, verdict, entries)
    experiment = recording.experiment
    return IncidentDocument(
        id=str(new_message_id()),
        title=experiment.title,
        summary=_summary(figures),
        experiment=experiment.name,
        fault=experiment.fault.name,
        process=experiment.process,
        hypothesis=experiment.hypothesis,
        recorded_at=_told(recording.moments["verified"]),
        revision=running_revision().short,
        machine=f"{os.cpu_count()} cores, {machine_facts.system()} {machine_facts.machine()}",
        began=_told(recording.began),
        ended=_told(ended),
        rate=recording.load.rate,
        passed=recording.recovered and verdict.clean and not figures.unfinished,
        figures=figures,
        marks=[
            Mark(_told(at), label)  # type: ignore[arg-type]  # the labels are the moments' names
            for label, at in sorted(recording.moments.items(), key=lambda item: item[1])
        ],
        outages=sorted(recording.outages.values(), key=lambda span: span.began),
        invariants=[
            Invariant(finding.name, finding.outcome.value, finding.checked, finding.sentence)
            for finding in verdict.findings
        ],
        events=entries,
    )


def _entries(recording: Recording, ended: datetime) -> list[StreamEvent]:
    with database("site", auditor=True).connect(autocommit=True) as connection:
        rows = connection.execute(
            ENTRIES, (recording.first_seq, _last_seq(), recording.began, ended)
        ).fetchall()
    return [
        present(
            seq=seq,
            message_id=message_id,
            source=source,
            type_name=type_name,
            subject=subject,
            sequence=sequence,
            correlation=correlation,
            time=at,
            data=data,
        )
        for seq, message_id, source, type_name, subject, sequence, correlation, at, data in rows
    ]


def _note_ends(
    recording: Recording, states: dict[Any, CheckoutState], entries: list[StreamEvent]
) -> None:
    injected = recording.moments["injected"]
    after = {id_ for id_, state in states.items() if state.accepted_at > injected}
    successes = (
        moment(event.time)
        for event in entries
        if event.type == COMPLETED and event.correlation in after
    )
    first = min(successes, default=None)
    if first is not None:
        recording.moments["first success"] = first
    recovered = recording.moments.get("recovered")
    if recovered is not None:
        waiting = [
            state.ended_at
            for state in states.values()
            if state.accepted_at <= recovered and state.ended_at
        ]
        recording.moments["drained"] = max([recovered, *waiting])


def _figures(
    recording: Recording,
    states: dict[Any, CheckoutState],
    verdict: Verdict,
    entries: list[StreamEvent],
) -> Figures:
    tally = Tally(state.status for state in states.values())
    failed = [finding for finding in verdict.findings if finding.outcome is Outcome.FAIL]
    seconds = dict(_seconds(recording))
    return Figures(
        detect_seconds=seconds.get("detected"),
        first_success_seconds=seconds.get("first success"),
        recover_seconds=seconds.get("recovered"),
        drain_seconds=seconds.get("drained"),
        checkouts=len(recording.load.accepted),
        refused=recording.load.refused,
        completed=tally["completed"],
        compensated=tally["compensated"],
        unfinished=len(recording.load.accepted) - tally["completed"] - tally["compensated"],
        deduplicated=sum(".message_deduplicated." in event.type for event in entries),
        dead_lettered=sum(".message_dead_lettered." in event.type for event in entries),
        violations=len(failed),
        undecided=sum(finding.unknown for finding in verdict.findings),
    )


def _seconds(recording: Recording) -> Iterator[tuple[str, float]]:
    injected = recording.moments["injected"]
    for label, at in recording.moments.items():
        yield label, round((at - injected).total_seconds(), 3)


def _summary(figures: Figures) -> str:
    ended = f"{figures.completed} completed, {figures.compensated} were compensated"
    open_ = f", {figures.unfinished} had not ended" if figures.unfinished else ""
    back = (
        f"It was back after {figures.recover_seconds:.1f} s."
        if figures.recover_seconds is not None
        else "It had not recovered when the recorder gave up."
    )
    lost = (
        f"{figures.violations} invariants were violated."
        if figures.violations
        else "No money, stock or message was lost."
        if not figures.undecided
        else f"{figures.undecided} invariants could not be decided."
    )
    return f"{back} Of {figures.checkouts} checkouts {ended}{open_}. {lost}"


def _told(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
