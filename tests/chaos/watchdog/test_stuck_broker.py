"""The watchdog kills a broker that confirms nothing, so that it is started again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from chaos.faults.engine import Engine
from chaos.watchdog.stuck_broker import NAME, SILENT_FOR, Signs, StuckBroker, is_stuck
from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Process, ProcessStatus, ServiceState, Snapshot
from compose.supervisor import Supervisor
from tests.chaos.faults.engines import RecordingDriver, toy_engine
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

STUCK: Final = Signs(answers=True, unconfirmed=SILENT_FOR, waiting=SILENT_FOR, broken=False)

# Suspends the process that writes the log of all quorum queues, as a full disk does: it lives and
# writes no more. Connections, channels and queues do not notice.
STOP_THE_LOG: Final = (
    "#{names := #{wal := Log}} = ra_system:fetch(quorum_queues), sys:suspend(Log)."
)


def told(*, unconfirmed: float | None = SILENT_FOR, status: ProcessStatus = "running") -> Snapshot:
    broker = Process(
        name="rabbitmq", kind="broker", service=None, status=status, healthy=True, words=""
    )
    waiting = ServiceState(
        name="orders", code="ORD", healthy=True, outbox=3, outbox_age_seconds=SILENT_FOR
    )
    return Snapshot(
        at="", state="steady", words="", troubles=[], processes=[broker], services=[waiting],
        links=[], outages=[], unconfirmed_seconds=unconfirmed,
    )  # fmt: skip


def test_a_broker_that_runs_and_confirms_nothing_is_stuck() -> None:
    assert is_stuck(STUCK)


@pytest.mark.parametrize(
    "signs",
    [
        replace(STUCK, answers=False),  # it is paused or dead, which is handled elsewhere
        replace(STUCK, unconfirmed=None),  # it confirms, so the fault is in a relay
        replace(STUCK, unconfirmed=SILENT_FOR / 2),  # a slow disk
        replace(STUCK, waiting=None),  # no message waits for it
        replace(STUCK, broken=True),  # an experiment breaks it on purpose
    ],
)
def test_anything_else_is_left_alone(signs: Signs) -> None:
    assert not is_stuck(signs)


def test_it_is_killed_once_and_noted_and_then_left_in_peace(tmp_path: Path) -> None:
    engine, _ = toy_engine(tmp_path)
    assert isinstance(engine.driver, RecordingDriver)
    stuck = StuckBroker(engine.armed, engine)
    looks = [stuck.look(one) for one in (None, told(unconfirmed=None), told(), told())]
    assert looks == [False, False, True, False]
    assert engine.driver.calls == [("kill", "rabbitmq")]
    (noted,) = engine.healed.all()
    assert (noted.fault, noted.target, noted.by) == (NAME, "rabbitmq", "watchdog")


def test_a_pause_of_the_broker_does_not_count_as_its_silence(tmp_path: Path) -> None:
    """SIGSTOP for 45 s, then SIGCONT: a paused broker could not confirm what waited."""
    engine, _ = toy_engine(tmp_path)
    now = [0.0]
    stuck = StuckBroker(engine.armed, engine, clock=lambda: now[0])

    def look(at: float, snapshot: Snapshot) -> bool:
        now[0] = at
        return stuck.look(snapshot)

    assert not look(0, told(unconfirmed=None))
    assert not look(1, told(unconfirmed=1.0, status="paused"))
    assert not look(45, told(unconfirmed=45.0, status="paused"))
    assert not look(45.25, told(unconfirmed=45.25))
    assert not look(45 + SILENT_FOR, told(unconfirmed=45 + SILENT_FOR))
    assert look(45.25 + SILENT_FOR, told(unconfirmed=45.25 + SILENT_FOR))


def test_nothing_is_done_while_a_fault_is_armed(tmp_path: Path) -> None:
    engine, _ = toy_engine(tmp_path)
    engine.inject(fault="toy", target="toy", seconds=5, actor="a test")
    assert not StuckBroker(engine.armed, engine).look(told())


@pytest.mark.platform
@pytest.mark.fault
@pytest.mark.full
def test_a_real_broker_whose_log_has_stopped_is_started_again(real_engine: Engine) -> None:
    cluster = Cluster()
    before = Supervisor.connect().process("rabbitmq").pid
    began = time.time()
    real_engine.driver.broker("eval", STOP_THE_LOG)
    ids = cluster.start_checkouts(3)

    def confirms_nothing() -> bool:
        snapshot = latest()
        return snapshot is not None and (snapshot.unconfirmed_seconds or 0.0) > 5.0

    eventually(confirms_nothing, within=30.0)
    blamed: set[str] = set()

    def started_again() -> bool:
        snapshot = latest()
        if snapshot is not None:
            blamed.update(one.process for one in snapshot.outages if one.ended is None)
        return Supervisor.connect().process("rabbitmq").pid != before

    eventually(started_again, within=60.0)

    assert blamed <= {"rabbitmq"}, "whoever waits for a confirm is not away"
    assert cluster.await_ended(ids).total() == 3
    noted = [one for one in real_engine.healed.all() if one.fault == NAME and one.at > began]
    assert [one.by for one in noted] == ["watchdog"]
