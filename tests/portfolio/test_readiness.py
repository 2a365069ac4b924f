"""A stalled or unreadable journal makes the site unready. No database, no observer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import RequestFactory

from cluster.health.observer.snapshot import Backups
from cluster.health.progress import Stalled
from portfolio.edge import health
from portfolio.edge.health import readyz
from tests.observed import snapshot


def stalled(queue: str) -> Stalled:
    service = queue.partition(".")[0]
    words = f"The queue {queue} has not moved for 31 s."
    return Stalled(
        queue=queue, service=service, worker=f"worker-{service}", seconds=31.0, words=words
    )


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the journal's worker send heartbeats and consume."""
    monkeypatch.setattr(health, "_unwritten", dict)


def answer(monkeypatch: pytest.MonkeyPatch, **seen: Any) -> tuple[int, Any]:
    monkeypatch.setattr(health, "latest", lambda: snapshot(state="degraded", **seen))
    found = readyz(RequestFactory().get("/readyz"))
    return found.status_code, json.loads(found.content)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(monkeypatch) == (200, {"ready": True, "missing": {}})


def test_without_the_observer_only_the_journal_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "latest", lambda: None)
    assert readyz(RequestFactory().get("/readyz")).status_code == 200


def test_a_stall_elsewhere_is_named_and_takes_no_server_out_of_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, told = answer(monkeypatch, stalls=[stalled("orders.inbox")])
    assert (status, told["ready"]) == (200, True)
    assert told["troubles"] == {"orders.inbox": "The queue orders.inbox has not moved for 31 s."}


def test_an_alarm_of_the_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    status, told = answer(monkeypatch, broker_alarm="low on disk")
    assert status == 200
    assert told["troubles"] == {"rabbitmq": "An alarm blocks whoever publishes: low on disk."}


def test_troubles_of_the_backups_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Backups(age_seconds=1.0, archived_seconds=1.0, verified=True)
    assert answer(monkeypatch, backups=told) == (200, {"ready": True, "missing": {}})
    late = Backups(age_seconds=1e6, archived_seconds=1.0, verified=True, troubles=["Too old."])
    status, found = answer(monkeypatch, backups=late)
    assert (status, found["troubles"]) == (200, {"backups": "Too old."})


def test_a_journal_that_does_not_move_makes_the_site_unready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, told = answer(monkeypatch, stalls=[stalled("site.journal")])
    assert (status, told["ready"]) == (503, False)
    assert told["missing"] == {"site.journal": "The queue site.journal has not moved for 31 s."}


def test_a_stream_that_cannot_be_read_makes_the_site_unready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, told = answer(monkeypatch, unreadable="timestamp too large")
    assert (status, told["missing"]) == (503, {"stream": "it cannot be read: timestamp too large"})
