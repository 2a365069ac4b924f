"""The conclusion of a finished run: the incident document, made from its evidence."""

from __future__ import annotations

import os
import platform as machine_facts
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from chaos.experiments.experiment import Experiment
from chaos.experiments.incident import (
    Baseline,
    Deliveries,
    Figures,
    Followed,
    IncidentDocument,
    Invariant,
    Mark,
    Offered,
    Status,
)
from chaos.experiments.recording import Recording, moment, told
from chaos.experiments.steady import COMPLETED
from cluster.health.checkers.finding import Finding, Outcome
from cluster.health.checkers.verify import Verdict
from cluster.messaging.queries import Depths, counters, depths
from cluster.sagas.engine import NO_ANSWER
from cluster.secrets.postgres import database
from cluster.storefront.checkout_intake import Outcome as RequestedOutcome
from cluster.storefront.events import StreamEvent
from cluster.storefront.repository import CheckoutRow
from config.environment import DATABASES
from config.revision import running_revision

LATE: Final = frozenset({RequestedOutcome.PROVIDER_SILENT, RequestedOutcome.LATE_SUCCESS})
EXPIRED: Final = "reservation expired"
COUNTERS: Final = ("redelivered", "deduplicated", "parked")


@dataclass
class Evidence:
    """The evidence of a run, with the reason why it was cut short, empty when it was not."""

    identifier: str
    experiment: Experiment
    recording: Recording
    actor: str
    seed: int | None
    rate: float
    ended: datetime = field(default_factory=lambda: datetime.now(UTC))
    verdict: Verdict | None = None
    hypothesis_met: bool = False
    baseline: Baseline | None = None
    cut_short: str = ""
    offered: Offered | None = None
    states: Mapping[UUID, CheckoutRow] = field(default_factory=dict)
    events: list[StreamEvent] = field(default_factory=list)
    deliveries: Deliveries | None = None
    followed: Followed | None = None
    troubles: list[str] = field(default_factory=list)  # failures of the method and the recorder


def conclude(evidence: Evidence) -> IncidentDocument:
    """Return the record, which has passed only when nothing deviated."""
    recording, experiment = evidence.recording, evidence.experiment
    _note_ends(evidence)
    figures = _figures(evidence)
    deviations = [*_deviations(evidence, figures)]
    status = _status(evidence, deviations)
    return IncidentDocument(
        id=evidence.identifier,
        title=experiment.title,
        summary=_summary(evidence, figures, deviations),
        experiment=experiment.name,
        fault=experiment.fault,
        process=experiment.process,
        hypothesis=experiment.hypothesis,
        recorded_at=told(recording.moments["verified"]),
        revision=running_revision().short,
        machine=f"{os.cpu_count()} cores, {machine_facts.system()} {machine_facts.machine()}",
        began=told(recording.began),
        ended=told(evidence.ended),
        rate=evidence.rate,
        passed=status == "passed",
        figures=figures,
        marks=[
            Mark(told(at), label)  # type: ignore[arg-type]  # the labels are the moments' names
            for label, at in sorted(recording.moments.items(), key=lambda item: item[1])
        ],
        outages=sorted(recording.outages.values(), key=lambda span: span.began),
        invariants=[_invariant(finding) for finding in _findings(evidence)],
        events=evidence.events,
        status=status,
        blast_radius=experiment.blast_radius,
        actor=evidence.actor,
        seed=evidence.seed,
        injections=list(recording.injections.values()),
        readings=recording.readings,
        offered=evidence.offered,
        deliveries=evidence.deliveries,
        followed=evidence.followed,
        deviations=deviations,
        baseline=evidence.baseline,
        reading="" if evidence.verdict is None else evidence.verdict.reading.sentence,
    )


def _note_ends(evidence: Evidence) -> None:
    """Add the moments that only the journal and the checkouts can give."""
    moments = evidence.recording.moments
    injected, recovered = moments.get("injected"), moments.get("recovered")
    if injected is None:
        return
    after = {id_ for id_, state in evidence.states.items() if state.accepted_at > injected}
    successes = (
        moment(event.time)
        for event in evidence.events
        if event.type == COMPLETED and event.correlation in after
    )
    first = min(successes, default=None)
    if first is not None:
        moments["first success"] = first
    if recovered is not None:
        waiting = [
            state.ended_at
            for state in evidence.states.values()
            if state.accepted_at <= recovered and state.ended_at
        ]
        moments["drained"] = max([recovered, *waiting])
        if "consistent" in moments:
            moments["consistent"] = max(moments["consistent"], moments["drained"])


def _figures(evidence: Evidence) -> Figures:
    tally = Counter(state.status for state in evidence.states.values())
    seconds = _seconds(evidence.recording)
    findings = _findings(evidence)
    healed, recovered = seconds.get("healed"), seconds.get("recovered")
    deliveries, offered = evidence.deliveries, evidence.offered
    return Figures(
        detect_seconds=seconds.get("detected"),
        first_success_seconds=seconds.get("first success"),
        recover_seconds=recovered,
        drain_seconds=seconds.get("drained"),
        checkouts=offered.accepted if offered else 0,
        refused=offered.refused if offered else 0,
        completed=tally["completed"],
        compensated=tally["compensated"],
        unfinished=(offered.accepted if offered else 0) - tally["completed"] - tally["compensated"],
        deduplicated=deliveries.deduplicated if deliveries else 0,
        dead_lettered=deliveries.dead_lettered if deliveries else 0,
        violations=sum(finding.outcome is Outcome.FAIL for finding in findings),
        undecided=sum(finding.unknown for finding in findings),
        consistent_seconds=seconds.get("consistent"),
        recover_after_heal_seconds=(
            None if healed is None or recovered is None else round(recovered - healed, 3)
        ),
        compensated_by_fault=sum(_is_the_faults(state) for state in evidence.states.values()),
    )


def _is_the_faults(checkout: CheckoutRow) -> bool:
    """Return whether a missed deadline turned a checkout that had not asked for one."""
    missed = checkout.reason.startswith((NO_ANSWER, EXPIRED))
    return checkout.status == "compensated" and missed and checkout.requested_outcome not in LATE


def _seconds(recording: Recording) -> dict[str, float]:
    """Return each moment in seconds from the injection."""
    injected = recording.moments.get("injected")
    if injected is None:
        return {}
    return {
        label: round((at - injected).total_seconds(), 3) for label, at in recording.moments.items()
    }


def _deviations(evidence: Evidence, figures: Figures) -> Iterator[str]:
    """Yield a sentence for each deviation from the hypothesis and the blast radius."""
    yield from evidence.troubles
    yield from _not_recovered(evidence.recording)
    yield from _outside(evidence.experiment, evidence.recording)
    yield from _not_proven(evidence)
    if evidence.offered is not None and not evidence.offered.accepted:
        yield "Not exercised: no checkout was accepted."
    if figures.unfinished:
        yield f"{figures.unfinished} accepted checkouts have not ended."
    if not evidence.hypothesis_met:
        yield "The steady state did not hold after the experiment."
    yield from _not_followed(evidence.followed)
    load = evidence.recording.load
    if load is not None and not evidence.cut_short:
        yield from load.disappointments(evidence.states)


def _not_recovered(recording: Recording) -> Iterator[str]:
    if not recording.recovered:
        yield "The platform had not recovered when the recorder stopped waiting."
    for injection in recording.injections.values():
        if injection.seconds is not None and injection.healed_at is None:
            yield f"Nobody has healed {injection.fault} of {injection.target}."


def _outside(experiment: Experiment, recording: Recording) -> Iterator[str]:
    """Yield the outages outside the blast radius, and those that it should have caused."""
    expected = {*experiment.targets, *experiment.bystanders}
    for span in sorted(recording.outages.values(), key=lambda one: one.began):
        if span.process not in expected:
            yield f"{span.process}, outside the blast radius, was away: {span.cause}."
        if span.ended is None:
            yield f"{span.process} is still away: {span.cause}."
    if experiment.outage and not recording.outages:
        yield f"The observer did not see {experiment.process} go."


def _not_proven(evidence: Evidence) -> Iterator[str]:
    if not _findings(evidence):
        yield "The invariants were not examined."
    for finding in _findings(evidence):
        if finding.outcome is Outcome.FAIL:
            since = ", which held at the baseline" if evidence.baseline else ""
            yield f"Violated: {finding.name} ({len(finding.violations)} counterexamples){since}."
        elif finding.unknown:
            yield f"Undecided: {finding.name}. {finding.sentence}"


def _not_followed(followed: Followed | None) -> Iterator[str]:
    if followed is None:
        yield "No client followed the stream."
    elif not followed.whole:
        yield (
            f"A client of the stream missed {followed.missing} events "
            f"and was given {followed.repeated} twice."
        )


def _status(evidence: Evidence, deviations: list[str]) -> Status:
    if evidence.cut_short:
        return "aborted"
    return "deviated" if deviations else "passed"


def _summary(evidence: Evidence, figures: Figures, deviations: list[str]) -> str:
    ended = f"{figures.completed} completed, {figures.compensated} were compensated"
    if figures.compensated:
        ended += f" ({figures.compensated_by_fault} of them because of the fault)"
    open_ = f", {figures.unfinished} had not ended" if figures.unfinished else ""
    cut = f"It was cut short: {evidence.cut_short}. " if evidence.cut_short else ""
    return f"{cut}{_back(figures)} Of {figures.checkouts} checkouts {ended}{open_}. " + (
        f"{figures.violations} invariants were violated."
        if figures.violations
        else f"{figures.undecided} invariants could not be decided."
        if figures.undecided
        else "The invariants were not examined."
        if not _findings(evidence)
        else "No money, stock or message was lost."
        if not deviations
        else f"Every invariant held, yet something deviated: {deviations[0]}"
    )


def _back(figures: Figures) -> str:
    if figures.recover_seconds is None:
        return "It had not recovered when the recorder gave up."
    if figures.recover_after_heal_seconds is not None:
        return f"It was steady {figures.recover_after_heal_seconds:.1f} s after the last heal."
    return f"It was back after {figures.recover_seconds:.1f} s."


def _findings(evidence: Evidence) -> tuple[Finding, ...]:
    return () if evidence.verdict is None else evidence.verdict.findings


def _invariant(finding: Finding) -> Invariant:
    return Invariant(
        finding.name,
        finding.outcome.value,
        finding.checked,
        finding.sentence,
        violations=len(finding.violations),
        unknown=finding.unknown,
        counterexamples=finding.counterexamples,
    )


def counted() -> Mapping[str, int]:
    """Return the sums since the databases were made, or raise DatabaseUnavailable."""
    with ThreadPoolExecutor(len(DATABASES)) as threads:
        found = list(threads.map(_count, DATABASES))
    sums: Counter[str] = Counter()
    for held, counted_here in found:
        sums["published"] += held.written
        sums["unsent"] += held.outbox
        sums["dead_lettered"] += held.dead_letters
        sums["replayed"] += held.replays
        for label in COUNTERS:
            sums[label] += counted_here[label]
    return sums


def between(before: Mapping[str, int], after: Mapping[str, int]) -> Deliveries:
    """Return the growth from one count to the other.

    A message that has left an outbox was confirmed.
    """
    grown = {label: after[label] - before[label] for label in after}
    return Deliveries(
        published=grown["published"],
        confirmed=grown["published"] - grown["unsent"],
        redelivered=grown["redelivered"],
        deduplicated=grown["deduplicated"],
        parked=grown["parked"],
        dead_lettered=grown["dead_lettered"],
        replayed=grown["replayed"],
    )


def _count(name: str) -> tuple[Depths, Mapping[str, int]]:
    with database(name, auditor=True).connect(autocommit=True) as connection:
        return depths(connection.cursor()), counters(connection.cursor())
