"""A recording decides when a recovery counts, reads the probes, and may cut the run short."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chaos.experiments.catalogue import experiment
from chaos.experiments.experiment import Step
from chaos.experiments.recording import Recording
from chaos.experiments.steady import STAYS
from cluster.health.armed_faults import ArmedFault
from cluster.health.observer.snapshot import (
    OutageSpan,
    Process,
    Rates,
    Sagas,
    ServiceState,
    Snapshot,
    State,
    Stream,
)

INJECTED = 1_790_000_000.0  # seconds of the epoch


def at(seconds: float) -> str:
    """Return the moment that is `seconds` after the injection, in ISO format."""
    return (datetime.fromtimestamp(INJECTED, UTC) + timedelta(seconds=seconds)).isoformat()


def snapshot(
    seconds: float,
    state: State = "steady",
    *,
    outages: Sequence[OutageSpan] = (),
    unfinished: int = 0,
    parked: int = 0,
) -> Snapshot:
    return Snapshot(
        at=at(seconds),
        state=state,
        words="",
        troubles=[],
        processes=[
            Process(
                name="redis",
                kind="cache",
                service=None,
                status="running",
                healthy=state == "steady",
                words="",
            )
        ],
        services=[
            ServiceState(
                name="site",
                code="WEB",
                healthy=True,
                outbox=0,
                parked=parked,
                dead_letters=0,
                queue_consumers=1,
            )
        ],
        sagas=Sagas(running=unfinished, compensating=0, completed=0, compensated=0),
        stream=Stream(seq=1, lag_seconds=0.1),
        rates=Rates(messages_per_second=1.0, checkouts_per_second=1.0),
        links=[],
        outages=list(outages),
    )


def outage(began: float, ended: float | None = None, process: str = "redis") -> OutageSpan:
    return OutageSpan(
        id=f"{process} {began}",
        process=process,
        service=None,
        cause="killed",
        began=at(began),
        ended=None if ended is None else at(ended),
    )


@dataclass
class Watched:
    """A recording that a test feeds with one snapshot after the other."""

    name: str
    cut: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        chosen = experiment(self.name)
        self.steps = chosen.steps
        self.recording = Recording(chosen, chosen.steps, cut_short=self.cut.append)
        self._now = time.monotonic()

    def inject(self, step: Step | None = None) -> ArmedFault:
        step = step or self.steps[0]
        armed = ArmedFault(
            id="00000000-0000-7000-8000-000000000001",
            fault=step.fault,
            target=step.target,
            armed_at=INJECTED,
            until=INJECTED + 60,
            actor="a test",
        )
        self.recording.injected(armed, "done")
        return armed

    def see(self, *snapshots: Snapshot) -> None:
        for one in snapshots:
            self._now += 1.0
            self.recording.see(one, now=self._now)

    def seconds(self, label: str) -> float | None:
        found = self.recording.moments.get(label)
        return None if found is None else round(found.timestamp() - INJECTED, 3)


def test_a_kill_is_recovered_from_when_its_outage_is_over_and_all_is_steady() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    watched.see(
        snapshot(0.5, "degraded", outages=[outage(0.1)]),
        snapshot(1.0, "degraded", outages=[outage(0.1, 0.9)]),
        snapshot(1.5, outages=[outage(0.1, 0.9)]),
        snapshot(1.5 + STAYS, outages=[outage(0.1, 0.9)]),
    )
    assert watched.seconds("degraded") == 0.5
    assert watched.seconds("recovered") == 1.5


def test_what_is_steady_for_a_moment_only_is_no_recovery() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    gone = [outage(0.1, 0.9)]
    watched.see(
        snapshot(1.0, outages=gone),
        snapshot(2.0, "degraded", outages=gone),
        snapshot(3.0, outages=gone),
        snapshot(3.0 + STAYS, outages=gone),
    )
    assert watched.seconds("recovered") == 3.0


def test_a_kill_that_nobody_saw_is_not_recovered_from() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    watched.see(snapshot(1.0), snapshot(2.0 + STAYS))
    assert not watched.recording.recovered


def test_nothing_is_recovered_while_a_fault_is_in_force() -> None:
    watched = Watched("pause-redis")
    armed = watched.inject()
    away = [outage(0.1, 1.0)]
    watched.see(snapshot(2.0, outages=away), snapshot(3.0 + STAYS, outages=away))
    assert not watched.recording.recovered
    watched.recording.note_heal(
        armed.id, by="the watchdog", at=datetime.fromtimestamp(INJECTED + 8, UTC)
    )
    watched.see(snapshot(8.5, outages=away), snapshot(8.5 + STAYS, outages=away))
    assert watched.seconds("healed") == 8.0
    assert watched.seconds("recovered") == 8.5
    (injection,) = watched.recording.injections.values()
    assert (injection.healed_by, injection.seconds) == ("the watchdog", 8.0)


def test_the_first_who_heals_is_the_one_that_is_named() -> None:
    watched = Watched("pause-redis")
    armed = watched.inject()
    watched.recording.healed(armed)
    watched.recording.note_heal(armed.id, by="the watchdog")
    (injection,) = watched.recording.injections.values()
    assert injection.healed_by == "its rollback"


def test_it_is_consistent_when_nothing_waits_any_more() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    gone = [outage(0.1, 0.9)]
    watched.see(
        snapshot(1.0, outages=gone, parked=3),
        snapshot(2.0, outages=gone),
        snapshot(1.0 + STAYS, outages=gone),
    )
    assert watched.seconds("consistent") == 2.0


def test_outages_of_before_do_not_belong_to_the_incident() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    watched.see(snapshot(1.0, outages=[outage(-30.0, -20.0, "web"), outage(0.1)]))
    assert [span.process for span in watched.recording.outages.values()] == ["redis"]


def test_probes_are_noted_when_their_answer_changes() -> None:
    watched = Watched("kill-redis")
    watched.see(snapshot(-2.0), snapshot(-1.0))
    watched.inject()
    watched.see(snapshot(1.0, "degraded"), snapshot(2.0, "degraded"), snapshot(3.0))
    told = [
        (reading.when, reading.ok)
        for reading in watched.recording.readings
        if reading.probe == "every process works"
    ]
    assert told == [("before", True), ("during", False), ("during", True)]


def test_an_observer_that_is_silent_is_a_reading_too() -> None:
    watched = Watched("kill-redis")
    watched.recording.see(None, now=time.monotonic())
    assert {reading.ok for reading in watched.recording.readings} == {False}


def test_a_pile_of_unfinished_checkouts_cuts_the_run_short() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    limit = experiment("kill-redis").abort.unfinished
    watched.see(snapshot(1.0, unfinished=limit))
    assert watched.cut == []
    watched.see(snapshot(2.0, unfinished=limit + 1))
    assert watched.cut == [f"{limit + 1} checkouts had not ended"]


def test_a_platform_that_does_not_recover_cuts_the_run_short() -> None:
    watched = Watched("kill-redis")
    watched.inject()
    bound = experiment("kill-redis").abort.degraded_seconds
    for second in range(int(bound) + 2):
        watched.see(snapshot(float(second), "degraded", outages=[outage(0.1)]))
    assert watched.cut
    assert "was not steady" in watched.cut[0]
