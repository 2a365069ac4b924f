"""Duplicated, reordered, poisoned and doubly relayed deliveries on the running cluster."""

from __future__ import annotations

import json
import signal
from uuid import UUID, uuid4

import amqp
import pytest

from cluster.messaging.envelope import CONTENT_TYPE
from cluster.messaging.topology import EXCHANGE
from cluster.operations.dead_letters import letter, replay
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.databases import refusing_orders, superuser_session

pytestmark = [pytest.mark.platform, pytest.mark.fault]

END_BLOCKED_DELETE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM outbox%'
"""


def publish(channel: amqp.Channel, routing_key: str, body: bytes) -> None:
    """Publish a message to the platform's exchange, as any client can."""
    message = amqp.Message(body, content_type=CONTENT_TYPE, delivery_mode=2)
    channel.basic_publish(message, exchange=EXCHANGE, routing_key=routing_key)


def journalled(cluster: Cluster, ids: list[UUID]) -> list[tuple[str, bytes]]:
    """Return the routing key and the body of every message about these checkouts."""
    query = "SELECT type, envelope FROM journal WHERE correlation = ANY(%s) ORDER BY seq"
    return [(type_, json.dumps(e).encode()) for type_, e in cluster.rows("site", query, ids)]


def deduplicated(cluster: Cluster, service: str) -> int:
    query = "SELECT value FROM counter WHERE name = 'deduplicated'"
    rows = cluster.rows(service, query)
    return int(rows[0][0]) if rows else 0


def test_every_message_of_a_checkout_delivered_twice_changes_nothing(
    cluster: Cluster, channel: amqp.Channel
) -> None:
    ids = cluster.start_checkouts(5)
    cluster.await_ended(ids)
    before = {name: deduplicated(cluster, name) for name in ("catalog", "orders", "checkout")}

    for routing_key, body in journalled(cluster, ids):
        publish(channel, routing_key, body)

    eventually(
        lambda: all(deduplicated(cluster, name) >= count + 5 for name, count in before.items())
    )
    cluster.assert_conserved()


@pytest.mark.full
def test_commands_that_arrive_in_the_wrong_order_are_applied_in_the_right_one(
    cluster: Cluster, channel: amqp.Channel
) -> None:
    """The release of a limit that arrives before its hold is parked until the hold is made."""
    with cluster.stopped("relay-checkout"):
        ids = cluster.start_checkouts(5)
        waiting = "SELECT routing_key, body FROM outbox WHERE subject = ANY(%s) ORDER BY id DESC"
        subjects = [f"hold/{identifier}" for identifier in ids]
        eventually(lambda: len(cluster.rows("checkout", waiting, subjects)) == 10, within=40.0)
        swapped = cluster.rows("checkout", waiting, subjects)
        releases = [row for row in swapped if row[0] == "identity.release_hold.v1"]
        for routing_key, body in releases:
            publish(channel, routing_key, bytes(body))
        held_back = "SELECT count(*) FROM parked WHERE subject = ANY(%s)"
        eventually(lambda: cluster.rows("identity", held_back, subjects) == [(5,)])
        for routing_key, body in swapped:
            publish(channel, routing_key, bytes(body))
        eventually(lambda: holds(cluster, ids) == ["released"] * 5)

    assert cluster.await_ended(ids) == {"compensated": 5}
    cluster.assert_conserved()


def holds(cluster: Cluster, ids: list[UUID]) -> list[str]:
    query = "SELECT state FROM hold WHERE id = ANY(%s)"
    return [state for (state,) in cluster.rows("identity", query, ids)]


@pytest.mark.full
def test_a_poisoned_order_parks_its_own_checkout_until_it_is_replayed(cluster: Cluster) -> None:
    """A constraint that the handler knows nothing of makes one visitor's order inapplicable."""
    visitor = f"poisoned-{uuid4().hex[:8]}"
    with refusing_orders(f"visitor <> '{visitor}'"):
        [poisoned] = cluster.start_for(visitor)
        healthy = cluster.start_checkouts(5)
        assert cluster.await_ended(healthy) == {"completed": 5}
        eventually(lambda: dead_letters(cluster, poisoned))
        # The saga misses its deadline and compensates. The cancellation waits behind the poison.
        eventually(lambda: parked(cluster, poisoned) >= 1, within=40.0)
        assert cluster.saga_states([poisoned]) == {"compensating": 1}

    [number] = dead_letters(cluster, poisoned)
    replay(letter(f"orders:{number}"))

    assert cluster.await_ended([poisoned]) == {"compensated": 1}
    assert parked(cluster, poisoned) == 0
    cluster.assert_conserved()


def dead_letters(cluster: Cluster, identifier: UUID) -> list[int]:
    query = "SELECT id FROM dead_letter WHERE subject = %s AND replayed_at IS NULL"
    return [row[0] for row in cluster.rows("orders", query, f"order/{identifier}")]


def parked(cluster: Cluster, identifier: UUID) -> int:
    query = "SELECT count(*) FROM parked WHERE subject = %s"
    return int(cluster.rows("orders", query, f"order/{identifier}")[0][0])


def test_a_relay_killed_between_confirm_and_delete_sends_again_and_nobody_notices(
    cluster: Cluster,
) -> None:
    """A lock on the row delays the delete: the message is published, and still in the outbox."""
    with cluster.stopped("relay-site"):
        ids = cluster.start_checkouts(3)
        held = superuser_session("site", autocommit=False)
        subjects = [f"saga/{identifier}" for identifier in ids]
        held.execute("SELECT 1 FROM outbox WHERE subject = ANY(%s) FOR UPDATE", (subjects,))
    before = deduplicated(cluster, "checkout")
    eventually(lambda: cluster.saga_states(ids).total() == 3)

    cluster.supervisor.kill("relay-site", signal.SIGKILL)
    # End the delete that the server already has, as if the relay had died a moment
    # earlier and never sent it.
    eventually(lambda: held.execute(END_BLOCKED_DELETE).fetchall())
    held.rollback()
    held.close()

    eventually(lambda: deduplicated(cluster, "checkout") >= before + 3, within=30.0)
    assert cluster.await_ended(ids) == {"completed": 3}
    cluster.assert_conserved()
