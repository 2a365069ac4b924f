"""`cluster status` names every fault of the cluster that it finds."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cluster.health.probes.broker import QueueDepth
from cluster.health.progress import STALLED_AFTER, Stalled, claim_detail
from cluster.health.vitals import LeasedRole, Vitals
from cluster.messaging.heartbeats import Heartbeat
from cluster.operations.status import (
    ClusterStatus,
    Observed,
    ObserverAway,
    Part,
    read_observed,
    troubles,
)
from cluster.services import load
from compose.backups.status import BackupStatus
from compose.supervisor import ProcessState, Status

SERVICES = (load("orders"),)


def vitals() -> Vitals:
    return Vitals(
        outbox=0,
        outbox_age=None,
        parked=0,
        dead_letters=0,
        dead_letters_waiting=0,
        heartbeats=(Heartbeat("worker-orders", age=1.0, consuming=True, detail={}),),
        leases=(LeasedRole("v-orders-1", "orders_service", remaining=40.0, sessions=1),),
    )


def process(status: Status = "running") -> ProcessState:
    return ProcessState("worker-orders", 7, status, 1.0, 0, signal.SIGTERM, 5.0, is_server=False)


def cluster(
    *, orders: Vitals | None = None, queues: list[QueueDepth] | None = None
) -> ClusterStatus:
    names = ("orders.inbox", "orders.dead", "orders.tasks")
    return ClusterStatus(
        Part([process()]),
        Part(queues or [QueueDepth(name, 0, 1) for name in names]),
        {"orders": Part(orders or vitals())},
        (),
    )


def told(status: ClusterStatus) -> list[str]:
    return list(troubles(status, SERVICES))


def test_nothing_is_wrong_when_everything_runs_and_answers() -> None:
    assert told(cluster()) == []


def test_a_paused_process_is_named() -> None:
    status = replace(cluster(), processes=Part([process("paused")]))
    assert told(status) == ["The process worker-orders is paused."]


def test_a_part_that_is_down_says_why() -> None:
    status = replace(cluster(), queues=Part(None, "connection refused"))
    assert told(status) == ["The broker is unreachable: connection refused"]


def test_a_queue_without_a_consumer_is_named() -> None:
    queues = [
        QueueDepth("orders.inbox", 4, 0),
        QueueDepth("orders.dead", 0, 1),
        QueueDepth("orders.tasks", 0, 1),
    ]
    assert told(cluster(queues=queues)) == ["Nobody consumes the queue orders.inbox."]


def test_a_worker_that_lives_and_does_not_consume_is_unhealthy() -> None:
    deaf = replace(vitals(), heartbeats=(Heartbeat("worker-orders", 1.0, False, {}),))
    assert told(cluster(orders=deaf)) == [
        "worker-orders lives, but does not receive from its queue."
    ]


def test_a_worker_that_fell_silent_is_unhealthy() -> None:
    silent = replace(vitals(), heartbeats=(Heartbeat("worker-orders", 9.0, True, {}),))
    assert told(cluster(orders=silent)) == ["worker-orders: last heartbeat 9 s ago."]


def test_an_outbox_that_nobody_drains_is_unhealthy() -> None:
    stuck = replace(vitals(), outbox=3, outbox_age=31.0)
    assert told(cluster(orders=stuck)) == ["The outbox of orders has not been drained for 31 s."]


def test_a_login_that_outlived_its_lease_is_unhealthy() -> None:
    orphan = replace(vitals(), leases=(LeasedRole("v-1", "orders_service", -31.0, 0),))
    assert told(cluster(orders=orphan)) == ["The role v-1 of orders should have gone 31 s ago."]


def test_a_missing_replica_and_a_missing_partition_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REPLICAS", "orders=2")
    names = ("orders.inbox", "orders.inbox.0", "orders.dead", "orders.tasks")
    alone = replace(vitals(), heartbeats=(Heartbeat("worker-orders-1", 1.0, True, {}),))
    status = cluster(orders=alone, queues=[QueueDepth(name, 0, 1) for name in names])
    assert told(status) == [
        "The queue orders.inbox.1 does not exist.",
        "worker-orders-2 has sent no heartbeat.",
    ]


STALLED = Stalled(
    queue="orders.inbox",
    service="orders",
    worker="worker-orders",
    seconds=34.0,
    words="The queue orders.inbox has not moved for 34 s.",
)


def document(status: ClusterStatus) -> dict[str, Any]:
    """Return the document of `--json`, with the databases checkout and site away unless given."""
    others: dict[str, Part[Vitals]] = {name: Part(None) for name in ("checkout", "site")}
    return replace(status, databases={**others, **status.databases}).as_json()


def test_a_stalled_queue_is_named_as_the_observer_tells() -> None:
    status = replace(cluster(), observed=Part(Observed(stalls=[STALLED])))
    assert told(status) == [STALLED.words]
    assert document(status)["stalls"][0]["worker"] == "worker-orders"


def test_an_alarm_of_the_broker_is_named() -> None:
    status = replace(cluster(), observed=Part(Observed(broker_alarm="low on memory")))
    assert told(status) == ["rabbitmq: An alarm blocks whoever publishes: low on memory."]
    assert document(status)["broker_alarm"] == "low on memory"


def test_without_the_observer_it_is_judged_by_what_the_workers_hold() -> None:
    detail = {"queues": {"orders.inbox": claim_detail(held=STALLED_AFTER + 4, settled=1.0)}}
    holding = replace(vitals(), heartbeats=(Heartbeat("worker-orders", 0.5, True, detail),))
    status = replace(cluster(orders=holding), observed=Part(None, "it answers with 503"))
    assert told(status) == [
        "The queue orders.inbox has not moved for 34 s.",
        "The observer is unreachable: it answers with 503",
    ]


def test_a_stream_that_cannot_be_read_is_named() -> None:
    unreadable = replace(vitals(), unreadable="timestamp too large")
    assert told(cluster(orders=unreadable)) == ["The stream cannot be read: timestamp too large."]


def test_the_troubles_of_the_backups_are_named_with_their_reason() -> None:
    failed = datetime.now(UTC) - timedelta(hours=3)
    backups = BackupStatus(
        directory="/mnt", ended=failed, failed=failed, failure="/mnt: the disk is full"
    )
    status = replace(cluster(), backups=backups)
    assert told(status) == ["The last backup failed 3 h ago. /mnt: the disk is full"]
    assert document(status)["backups"]["failure"] == "/mnt: the disk is full"
    assert document(cluster())["backups"] is None


def test_an_observer_that_is_away_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVER_URL", "http://127.0.0.1:9")
    with pytest.raises(ObserverAway, match="refused"):
        read_observed()
