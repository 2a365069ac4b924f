"""The runner on the running platform: its queue, withdrawals, and its own death."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from chaos.experiments import repository
from chaos.experiments.catalogue import find
from chaos.experiments.models import AuditEntry, ExperimentRun
from chaos.reports.recoveries import recoveries
from chaos.safety.permits import ask_for_run, withdraw
from cluster.health.armed_faults import ArmedFaults
from cluster.health.running_experiment import read_running
from cluster.operations.verify import run_verify
from compose.supervisor import Supervisor
from tests.conditions import eventually

pytestmark = [pytest.mark.platform, pytest.mark.fault]

PATIENT = 90.0  # seconds for a whole run and the pause before it


@pytest.fixture(autouse=True)
def unblocked(platform: Any, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        ExperimentRun.objects.all().delete()
        yield
        ExperimentRun.objects.all().delete()


def ask(experiment: str) -> UUID:
    return ask_for_run(experiment=experiment, visitor="a test", asked_by="visitor 4F2A").id


def run(identifier: UUID) -> ExperimentRun:
    return ExperimentRun.objects.get(id=identifier)


@pytest.mark.full
def test_after_a_clean_verdict_no_invariant_is_read_before_the_fault() -> None:
    assert run_verify(wait=PATIENT, by="a test").clean
    identifier = ask("kill-worker-orders")
    eventually(lambda: run(identifier).state == ExperimentRun.ENDED, within=PATIENT)

    found = run(identifier)
    assert found.incident is not None
    document = repository.document_of(found.incident)
    assert document.baseline is not None
    assert document.baseline.by == "a test"


@pytest.mark.full
def test_a_queued_run_is_run_and_recorded_while_its_server_dies() -> None:
    identifier = ask("kill-web")
    eventually(lambda: read_running() is not None, within=PATIENT)
    shown = read_running()
    assert shown is not None
    assert (shown.run, shown.asked_by) == (str(identifier), "visitor 4F2A")

    eventually(lambda: run(identifier).state == ExperimentRun.ENDED, within=PATIENT)

    incident = run(identifier).incident
    assert incident is not None
    document = repository.document_of(incident)
    assert (document.status, document.deviations) == ("passed", [])
    assert document.followed is not None
    assert document.followed.whole
    assert document.followed.reconnects >= 1
    assert document.figures.unfinished == 0
    assert {reading.when for reading in document.readings} == {"before", "during", "after"}
    (injection,) = document.injections
    assert (injection.fault, injection.target) == ("kill-process", "web")
    labels = [mark.label for mark in document.marks]
    assert labels[0] == "injected"
    assert {"detected", "recovered", "drained", "consistent", "verified"} <= set(labels)
    entry = AuditEntry.objects.filter(target="web").order_by("-at")[0]
    assert (entry.actor, entry.outcome) == ("visitor 4F2A", "passed")
    eventually(lambda: read_running() is None)  # removed after the end is recorded


@pytest.mark.full
def test_a_composed_run_is_recorded_under_the_name_that_holds_its_parts() -> None:
    name = "composed_pause-process_redis_3_mixed"
    identifier = ask(name)
    eventually(lambda: run(identifier).state == ExperimentRun.ENDED, within=PATIENT)

    incident = run(identifier).incident
    assert incident is not None
    document = repository.document_of(incident)
    assert (document.experiment, document.status, document.deviations) == (name, "passed", [])
    assert find(incident.experiment) is not None
    (injection,) = document.injections
    assert (injection.fault, injection.target, injection.seconds) == ("pause-process", "redis", 3)
    assert injection.healed_by == "its rollback"
    assert name in [one.experiment for one in recoveries()]


def test_a_runner_that_is_killed_leaves_no_fault_and_says_so() -> None:
    identifier = ask("pause-worker-orders")
    eventually(lambda: _armed_for(identifier), within=PATIENT)

    Supervisor.connect().kill("chaos-runner")

    eventually(lambda: run(identifier).state == ExperimentRun.FAILED, within=PATIENT)
    assert not _armed_for(identifier)
    assert "died" in run(identifier).words
    assert Supervisor.connect().process("worker-orders").status == "running"
    eventually(lambda: read_running() is None)


@pytest.mark.full
def test_a_running_run_that_is_withdrawn_heals_at_once() -> None:
    identifier = ask("pause-relay-checkout")
    eventually(lambda: _armed_for(identifier), within=PATIENT)

    withdraw(identifier, "a test")

    eventually(lambda: not _armed_for(identifier), within=5.0)
    eventually(lambda: run(identifier).state == ExperimentRun.ENDED, within=PATIENT)
    incident = run(identifier).incident
    assert incident is not None
    document = repository.document_of(incident)
    assert document.status == "aborted"
    assert "wanted it to stop" in document.summary
    assert not document.passed


def _armed_for(identifier: UUID) -> bool:
    return any(armed.run == str(identifier) for armed in ArmedFaults().all())
