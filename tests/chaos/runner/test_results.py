"""The runner keeps a result on the disk until the database has recorded it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from chaos.experiments import repository
from chaos.experiments.incident import read_incident
from chaos.experiments.models import ExperimentRun, Incident
from chaos.runner import results as module
from chaos.runner.lock import RunLock
from chaos.runner.results import Results, RunResult
from cluster.messaging.envelope import new_message_id
from config.environment import ROOT
from tests.conditions import eventually

RECORDED = (ROOT / "articles" / "incidents" / "broker-killed.json").read_bytes()


def result(**changes: Any) -> RunResult:
    return RunResult(
        run=str(new_message_id()),
        state=ExperimentRun.FAILED,
        words="It could not be run.",
        began="2026-11-26T10:00:00.000Z",
        ended="2026-11-26T10:01:00.000Z",
        **changes,
    )


def test_a_result_stays_on_the_disk_until_the_database_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[RunResult] = []
    answers = iter([DatabaseError("away"), None])

    def keep(one: RunResult) -> None:
        answer = next(answers)
        if answer:
            raise answer
        taken.append(one)

    monkeypatch.setattr(module, "_keep", keep)
    results, one = Results(tmp_path), result(document=read_incident(RECORDED))
    results.put(one)

    assert results.keep_all() is False
    assert list(tmp_path.glob("*.json"))
    assert results.keep_all() is True
    assert taken == [one]
    assert not list(tmp_path.glob("*.json"))


def test_half_a_file_is_left_for_a_person(tmp_path: Path) -> None:
    results = Results(tmp_path)
    (tmp_path / "01a21590-0000-7000-8000-000000000000.json").write_text("{")
    assert results.keep_all() is True
    assert list(tmp_path.glob("*.unreadable"))


@pytest.fixture
def unblocked(platform: Any, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.mark.platform
def test_a_result_closes_its_run_and_its_audit_entries(unblocked: None, tmp_path: Path) -> None:
    document = read_incident(RECORDED)
    entry = repository.note(actor="visitor 4F2A", action="kill-process", target="rabbitmq")
    one = result(document=document, audited=[entry.pk])
    ExperimentRun.objects.create(
        id=one.run,
        experiment="kill-rabbitmq",
        rate=3.0,
        visitor="x",
        asked_by="visitor 4F2A",
        asked_at=document.recorded_at,
        state=ExperimentRun.RUNNING,
    )
    results = Results(tmp_path)
    results.put(one)

    assert results.keep_all()

    run = ExperimentRun.objects.get(id=one.run)
    entry.refresh_from_db()
    assert run.incident == Incident.objects.get(id=document.id)
    assert (run.state, run.words) == (one.state, one.words)
    assert entry.outcome == str(document.status)
    run.delete()


HOLD = """
import sys, time
from pathlib import Path
from chaos.runner.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.take(who="another")
print("mine", flush=True)
time.sleep(60)
"""


def test_the_right_to_run_is_one_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"
    mine, told = RunLock(path), []

    assert not mine.try_to_take(who="a test")

    def told_of(who: str) -> None:
        told.append(who)
        holder.send_signal(signal.SIGKILL)

    mine.take(who="a test", waiting=told_of)
    assert told == ["another"]
    eventually(lambda: holder.poll() is not None)
    holder.stdout.close()
    assert not RunLock(path).try_to_take(who="a third")
    mine.release()
    last = RunLock(path)
    assert last.try_to_take(who="a third")
    last.release()
