"""The observer judges the health of a process from its evidence. No I/O, no clock."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import pytest

from cluster.health.observer.health import (
    SIGN_LATE,
    UNCONSUMED_LATE,
    Evidence,
    judge,
    process,
    sighting,
)
from cluster.health.observer.naming import expected_processes, kind_of, service_of
from cluster.health.observer.watch import Standing
from cluster.health.probes.database import Depths
from cluster.health.probes.usage import Usage
from cluster.health.progress import SILENT_AFTER
from cluster.messaging.heartbeats import Heartbeat
from compose.supervisor import ProcessState, Status

NOW = 1000.0


def state(**changes: Any) -> ProcessState:
    usual: dict[str, Any] = {
        "name": "it",
        "pid": 10,
        "status": "running",
        "age": 60.0,
        "restarts": 0,
        "stop_signal": signal.SIGTERM,
        "patience": 3.0,
        "is_server": False,
    }
    return ProcessState(**{**usual, **changes})


def depths(**changes: Any) -> Depths:
    usual: dict[str, Any] = {
        "at": NOW - 1,
        "outbox": 0,
        "outbox_age": None,
        "parked": 0,
        "dead_letters": 0,
        "dead_letters_waiting": 0,
        "published": 0,
        "applied_lately": 0,
        "heartbeats": (Heartbeat("worker-orders", 1.0, True, {}),),
        "relays": frozenset({"relay-orders"}),
        "leases": (),
    }
    return Depths(**{**usual, **changes})


def evidence(name: str, **changes: Any) -> Evidence:
    usual: dict[str, Any] = {
        "name": name,
        "kind": kind_of(name),
        "service": service_of(name),
        "now": NOW,
        "state": state(name=name),
        "depths": depths(),
        "depths_since": NOW - 100,
        "broker_since": NOW - 100,
    }
    return Evidence(**{**usual, **changes})


def silent(**changes: Any) -> Evidence:
    """Return the evidence of a worker whose last heartbeat is too old."""
    late = Heartbeat("worker-orders", SILENT_AFTER, True, {})
    return evidence("worker-orders", depths=depths(heartbeats=(late,)), **changes)


@pytest.fixture(autouse=True)
def supervised_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock from which ProcessState computes its start."""
    monkeypatch.setattr("compose.supervisor.time.time", lambda: NOW)


@pytest.mark.parametrize(
    ("name", "kind", "service"),
    [
        ("worker-orders-2", "worker", "orders"),
        ("relay-site", "relay", "site"),
        ("postgres-checkout", "database", "checkout"),
        ("payments-gateway", "gateway", "payments"),
        ("provider", "provider", None),
        ("rabbitmq", "broker", None),
        ("web", "web", "site"),
        ("epmd", "other", None),
    ],
)
def test_a_name_tells_the_kind_and_whose_it_is(name: str, kind: str, service: str | None) -> None:
    assert (kind_of(name), service_of(name)) == (kind, service)


def test_without_a_supervisor_everything_that_can_be_probed_is_expected() -> None:
    assert {"rabbitmq", "openbao", "worker-site", "relay-checkout"} <= {*expected_processes()}


def test_a_worker_that_beats_and_receives_is_well_since_its_beat() -> None:
    verdict = judge(evidence("worker-orders"))
    assert (verdict.healthy, verdict.sign_of_life) == (True, NOW - 2)


def test_a_worker_that_does_not_receive_is_not_well_and_not_at_fault() -> None:
    deaf = (Heartbeat("worker-orders", 1.0, False, {}),)
    verdict = judge(evidence("worker-orders", depths=depths(heartbeats=deaf)))
    assert (verdict.healthy, verdict.at_fault_since) == (False, None)


def test_a_worker_whose_beats_have_ceased_is_at_fault_since_the_last() -> None:
    verdict = judge(silent())
    assert (verdict.healthy, verdict.at_fault_since) == (False, NOW - 1 - SILENT_AFTER)


def test_a_worker_cannot_beat_while_its_database_is_away_nor_just_afterwards() -> None:
    assert judge(silent(depths_since=NOW - 2)).healthy is None
    assert judge(evidence("worker-orders", depths=None)).healthy is None


def test_a_worker_does_not_beat_while_it_looks_for_its_broker() -> None:
    assert judge(silent(broker_since=None)).healthy is None
    assert judge(silent(broker_since=NOW - 2)).healthy is None


def test_a_beat_of_its_predecessor_says_nothing_of_a_worker() -> None:
    fresh = evidence("worker-orders", state=state(age=1.5))
    assert judge(fresh).healthy is None


def test_a_relay_works_as_long_as_it_holds_the_lock() -> None:
    verdict = judge(evidence("relay-orders"))
    assert (verdict.healthy, verdict.sign_of_life) == (True, NOW - 1)


def test_a_relay_between_two_logins_is_well() -> None:
    moving = evidence("relay-orders", depths=depths(relays=frozenset()), last_sign=NOW - 3)
    assert (judge(moving).healthy, judge(moving).sign_of_life) == (True, NOW - 3)


def test_a_relay_without_the_lock_for_long_is_at_fault() -> None:
    stuck = evidence("relay-orders", depths=depths(relays=frozenset()), last_sign=NOW - 30)
    assert (judge(stuck).healthy, judge(stuck).at_fault_since) == (False, NOW - 30)


def test_a_lock_that_was_seen_before_its_start_is_not_the_relays() -> None:
    fresh = evidence("relay-orders", state=state(age=0.5), last_sign=NOW - 1)
    assert judge(fresh).healthy is None


def test_what_answers_its_probe_is_well() -> None:
    standing = Standing(answered_at=NOW - 0.5, milliseconds=1.25)
    verdict = judge(evidence("redis", standing=standing))
    assert (verdict.healthy, verdict.words) == (True, "It answers in 1.2 ms.")
    assert verdict.sign_of_life == NOW - 0.5


def test_what_refuses_is_at_fault_since_the_first_refusal() -> None:
    standing = Standing(failing_since=NOW - 3, words="it refuses connections")
    verdict = judge(evidence("redis", standing=standing))
    assert (verdict.healthy, verdict.words) == (False, "It refuses connections.")
    assert verdict.at_fault_since == NOW - 3


def timed_out(waited: float, **changes: Any) -> Evidence:
    standing = Standing(
        answered_at=NOW - waited - 1,
        failing_since=NOW - waited,
        words="it does not answer",
        timed_out=True,
    )
    return evidence("web", standing=standing, **changes)


def test_what_runs_and_lets_a_question_wait_is_slow_and_not_dead() -> None:
    verdict = judge(timed_out(3.0))
    assert (verdict.healthy, verdict.at_fault_since) == (True, None)
    assert verdict.words == "It is slow: no answer to a health check for 3.0 s."


def test_what_runs_and_has_not_answered_for_long_is_silent() -> None:
    verdict = judge(timed_out(SILENT_AFTER + 1))
    assert (verdict.healthy, verdict.at_fault_since) == (False, NOW - SILENT_AFTER - 1)
    assert verdict.words == "It runs and is silent: no answer to a health check for 9.0 s."


def test_a_pause_does_not_count_as_silence() -> None:
    resumed = timed_out(45.0, running_since=NOW - 1)
    assert judge(resumed).words == "It is slow: no answer to a health check for 1.0 s."


@pytest.mark.parametrize("gone", ["paused", "stopped", "waiting"])
def test_what_does_not_run_is_not_slow(gone: Status) -> None:
    assert judge(timed_out(3.0, state=state(status=gone))).healthy is False


def test_without_an_answer_of_its_own_or_a_supervisor_nobody_knows_that_it_is_slow() -> None:
    assert judge(timed_out(3.0, state=None)).healthy is False
    assert judge(timed_out(3.0, state=state(age=2.0))).healthy is False


def test_what_refuses_is_dead_though_its_process_runs() -> None:
    refused = replace(timed_out(3.0), standing=Standing(answered_at=NOW - 4, failing_since=NOW - 3))
    assert judge(refused).healthy is False


def test_what_says_that_it_lacks_something_is_not_at_fault() -> None:
    standing = Standing(failing_since=NOW - 3, words="it lacks its database", unwell=True)
    verdict = judge(evidence("payments-gateway", standing=standing))
    assert (verdict.healthy, verdict.at_fault_since) == (False, None)


def test_what_could_not_be_asked_is_neither() -> None:
    standing = Standing(answered_at=NOW - 9, blind=True, words="Vault gives no login")
    assert judge(evidence("postgres-orders", standing=standing)).healthy is None


def test_a_paused_process_is_not_well_whatever_its_probe_said_last() -> None:
    standing = Standing(answered_at=NOW, milliseconds=1.0)
    paused = evidence("redis", state=state(status="paused"), standing=standing)
    assert judge(paused).healthy is False
    assert sighting(paused, judge(paused)).status == "paused"


@pytest.mark.parametrize("name", ["beat", "chaos-runner", "watchdog"])
def test_what_gives_a_sign_of_life_is_well_since_the_last(name: str) -> None:
    verdict = judge(evidence(name, signed_at=NOW - 1))
    assert (verdict.healthy, verdict.sign_of_life) == (True, NOW - 1)


@pytest.mark.parametrize("name", ["beat", "chaos-runner", "watchdog"])
def test_what_has_started_is_not_back_before_it_gives_a_sign_of_its_own(name: str) -> None:
    fresh = evidence(name, state=state(age=1.5), signed_at=NOW - 2)
    assert judge(fresh).healthy is None


def test_what_gives_no_sign_is_at_fault_unless_it_could_not() -> None:
    late = NOW - SIGN_LATE - 1
    assert judge(evidence("watchdog", signed_at=late)).at_fault_since == late
    assert judge(evidence("beat", signed_at=late)).at_fault_since == late
    assert judge(evidence("beat", signed_at=late, broker_since=None)).healthy is None
    assert judge(evidence("chaos-runner", signed_at=late)).at_fault_since == late
    assert judge(evidence("chaos-runner", signed_at=late, depths_since=None)).healthy is None


def test_a_sign_that_is_given_elsewhere_cannot_be_judged() -> None:
    assert judge(evidence("beat", state=None, signed_at=None)).healthy is None


def test_a_process_without_a_probe_is_well_while_it_runs() -> None:
    assert judge(evidence("epmd")).healthy is True
    assert judge(evidence("epmd", state=None)).healthy is None


def test_the_snapshot_shows_no_latency_of_what_does_not_answer() -> None:
    failing = evidence("redis", standing=Standing(milliseconds=1.0, failing_since=NOW))
    assert process(failing, judge(failing)).probe_ms is None
    well = replace(failing, standing=Standing(answered_at=NOW, milliseconds=1.0))
    assert process(well, judge(well)).probe_ms == 1.0


def test_the_snapshot_shows_what_a_process_uses() -> None:
    busy = evidence("redis", usage=Usage(cpu_percent=3.5, memory_bytes=4096))
    shown = process(busy, judge(busy))
    assert (shown.cpu_percent, shown.memory_bytes) == (3.5, 4096)
    assert (shown.pid, shown.age_seconds, shown.restarts) == (10, 60.0, 0)


def test_a_worker_whose_queue_nobody_consumes_is_at_fault_whatever_it_says() -> None:
    idle = evidence("worker-orders", unconsumed_since=NOW - UNCONSUMED_LATE - 1)

    verdict = judge(idle)

    assert (verdict.healthy, verdict.at_fault_since) == (False, NOW - UNCONSUMED_LATE - 1)
    assert process(idle, verdict).consuming is False


def test_a_worker_that_has_just_lost_its_connection_is_given_a_moment() -> None:
    assert judge(evidence("worker-orders", unconsumed_since=NOW - 1)).healthy is True
    back = evidence("worker-orders", unconsumed_since=NOW - 60, broker_since=NOW - 1)
    assert judge(back).healthy is True


def test_what_was_dated_by_a_clock_that_was_set_back_since_proves_nothing() -> None:
    later = NOW + 3600.0
    assert judge(evidence("watchdog", signed_at=later)).healthy is False
    ahead = depths(heartbeats=(Heartbeat("worker-orders", -3600.0, True, {}),))
    verdict = judge(evidence("worker-orders", depths=ahead))
    assert verdict.healthy is None
    assert verdict.words == "Its last heartbeat is of a clock that was set back."
