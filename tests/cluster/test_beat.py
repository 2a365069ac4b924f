"""The cluster's clock logs an outage of the broker in one line. No broker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from kombu.exceptions import OperationalError

from cluster import beat
from cluster.beat import Clock
from tests.clock import Clock as Time


class Sender:
    """A stand-in for `Clock.send_task` that raises `error`, or counts the task."""

    error: Exception | None = None
    sent = 0

    def __call__(self, *_args: Any, **_options: Any) -> None:
        if self.error is not None:
            raise self.error
        self.sent += 1


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Sender:
    found = Sender()
    monkeypatch.setattr(Clock, "send_task", found)
    return found


@pytest.fixture
def clock(sender: Sender) -> Iterator[Clock]:
    app = Celery("clock", broker="memory://")
    yield Clock(app=app, lazy=True)
    app.close()


def send(clock: Clock, *, times: int = 1) -> None:
    entry = ScheduleEntry(name="sweep", task="sweep", schedule=schedule(1.0), app=clock.app)
    for _ in range(times):
        clock.apply_entry(entry)


def test_an_outage_of_the_broker_is_one_line(
    clock: Clock, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    for outage in (OperationalError("[Errno 111] Connection refused"), ConnectionResetError()):
        sender.error = outage
        send(clock, times=200)
        sender.error = None
        send(clock)

    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert all(record.exc_info is None for record in caplog.records)
    assert "Connection refused" in caplog.messages[0]
    assert sender.sent == 2


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wall_clock_that_is_set_delays_and_doubles_nothing(
    clock: Clock, sender: Sender, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    every = 10.0
    clock.app.conf.beat_schedule = {
        name: {**declared, "schedule": schedule(every, nowfun=beat._steady_now)}
        for name, declared in list(beat.schedule().items())[:1]
    }
    steady = Time()
    monkeypatch.setattr(beat, "time", steady)
    clock.setup_schedule()
    monkeypatch.setattr(Clock, "producer", None)
    wall = datetime.now(UTC)
    monkeypatch.setattr(clock.app, "now", lambda: wall)
    clock.tick()
    assert sender.sent == 1

    wall += timedelta(hours=hours)
    steady.now += every - 1
    clock.tick()
    assert sender.sent == 1
    steady.now += 1
    clock.tick()
    assert sender.sent == 2


def test_every_task_of_the_cluster_is_timed_by_the_steady_clock() -> None:
    for declared in beat.schedule().values():
        assert declared["schedule"].nowfun is beat._steady_now


def test_a_task_that_cannot_be_sent_at_all_is_told_with_its_traceback(
    clock: Clock, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    sender.error = TypeError("not JSON")
    send(clock)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "sweep cannot be sent")
    assert record.exc_info is not None
