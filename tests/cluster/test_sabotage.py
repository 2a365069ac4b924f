"""The checkers find the violation after each of three guarantees is switched off in turn.

These tests leave violations behind in the databases, so they run after all others.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import amqp
import pytest

from cluster.health.checkers.finding import Outcome
from config.environment import platform_file
from tests.cluster.cluster import Cluster
from tests.cluster.test_deliveries import journalled, publish
from tests.conditions import eventually
from tests.databases import superuser_session

pytestmark = [pytest.mark.platform, pytest.mark.fault, pytest.mark.sabotage]

END_BLOCKED = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
"""


@contextmanager
def sabotaged(cluster: Cluster, protection: str, processes: list[str]) -> Iterator[None]:
    """Run these processes without one protection for the length of the block."""
    _set_sabotage(platform_file(), protection)
    for process in processes:
        cluster.supervisor.restart(process)
    try:
        yield
    finally:
        _set_sabotage(platform_file(), "")
        for process in processes:
            cluster.supervisor.restart(process)


def _set_sabotage(path: Path, protection: str) -> None:
    recorded = json.loads(path.read_text())
    path.write_text(json.dumps({**recorded, "SABOTAGE": protection}))


def violations(cluster: Cluster, *, wait: float = 3.0) -> dict[str, list[str]]:
    """Return the names of the violated invariants, with all their counterexamples.

    A sabotaged cluster often keeps messages in flight, so the wait for rest is short. The findings
    are printed too: `manage.py test tests/cluster/test_sabotage.py -s` shows them.
    """
    verdict = cluster.verdict(wait=wait)
    found = {
        finding.name: [violation.text for violation in finding.violations]
        for finding in verdict.findings
        if finding.outcome is Outcome.FAIL
    }
    print(json.dumps(found, indent=1))
    print(f"after {verdict.seconds:.0f} s, moving: {verdict.moving}")
    return found


def await_violation_of(cluster: Cluster, ids: list[UUID], *, within: float = 60.0) -> None:
    """Return once a violated invariant names one of these checkouts."""

    def is_named() -> bool:
        named = str(violations(cluster))
        return any(str(identifier) in named for identifier in ids)

    eventually(is_named, within=within)


def crash_with_the_messages_held_back(cluster: Cluster) -> list[UUID]:
    """Kill orders after its effect, while a lock keeps its messages from being written."""
    table = superuser_session("orders", autocommit=False)
    table.execute("LOCK TABLE outbox IN SHARE MODE")
    ids = cluster.start_checkouts(3)
    watcher = superuser_session("orders")
    blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    eventually(lambda: watcher.execute(blocked, ("%INSERT INTO outbox%",)).fetchall())
    cluster.supervisor.kill("worker-orders", signal.SIGKILL)
    eventually(lambda: watcher.execute(END_BLOCKED).fetchall())
    watcher.close()
    table.rollback()
    table.close()
    return ids


def test_with_the_outbox_in_the_transaction_that_crash_loses_nothing(cluster: Cluster) -> None:
    """The control of the experiment has the same crash, and every guarantee on."""
    ids = crash_with_the_messages_held_back(cluster)

    assert cluster.await_ended(ids).total() == 3
    assert violations(cluster, wait=15.0) == {}


def test_with_the_outbox_outside_the_transaction_a_lost_message_is_found(
    cluster: Cluster,
) -> None:
    with sabotaged(cluster, "outbox", ["worker-orders"]):
        eventually(lambda: cluster.supervisor.process("worker-orders").status == "running")
        ids = crash_with_the_messages_held_back(cluster)
    cluster.await_ended(ids)

    await_violation_of(cluster, ids)


def test_with_the_inbox_off_a_second_effect_is_found(
    cluster: Cluster, channel: amqp.Channel
) -> None:
    with sabotaged(cluster, "inbox", ["worker-identity", "worker-catalog"]):
        ids = cluster.start_checkouts(3)
        cluster.await_ended(ids)
        for routing_key, body in journalled(cluster, ids):
            publish(channel, routing_key, body)
        twice = "SELECT 1 FROM inbox WHERE applied > 1"
        eventually(lambda: cluster.rows("identity", twice) and cluster.rows("catalog", twice))

    assert "applied exactly once" in violations(cluster)


@pytest.mark.full
def test_with_confirms_off_a_message_that_died_with_the_broker_is_found(
    cluster: Cluster,
) -> None:
    """The broker is paused, so that it has surely not stored the messages of the relay."""
    with sabotaged(cluster, "confirms", ["relay-site"]):
        cluster.await_ended(cluster.start_checkouts(1))  # the relay is connected by then
        cluster.supervisor.signal_tree("rabbitmq", signal.SIGSTOP)
        ids = cluster.start_checkouts(3)
        subjects = [f"saga/{identifier}" for identifier in ids]
        waiting = "SELECT 1 FROM outbox WHERE subject = ANY(%s)"
        eventually(lambda: not cluster.rows("site", waiting, subjects))
        cluster.kill("rabbitmq")

    # The broker has to start and to deliver the rest. A checkout that has not begun counts as in
    # flight for a minute, and as missing after it.
    await_violation_of(cluster, ids, within=180.0)
