"""Every message on a consumed queue ends as an effect or as one dead letter."""

from __future__ import annotations

from typing import Any

import amqp
import pytest

from cluster.messaging.topology import connect
from cluster.services import load_all
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.messaging.hostile import RawMessage, cases
from tests.portfolio.api.client import PURCHASE, Client

WITHIN = 120.0  # seconds; ends a hanging test, measures nothing
PIDS = "SELECT detail->>'pid' FROM heartbeat WHERE starts_with(process, 'worker-') ORDER BY process"
FILED = "SELECT body, count(*) FROM dead_letter WHERE body = ANY (%s) GROUP BY body"


class Publisher:
    """A publisher of raw messages, some of which make the broker close its connection."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._channel: Any = None

    def publish(self, message: amqp.Message, queue: str) -> bool:
        """Publish a message, and return whether the broker has confirmed it."""
        if self._channel is None:
            self._channel = connect(self._url, heartbeat=0).channel()
        try:
            self._channel.basic_publish_confirm(message, routing_key=queue)
        except amqp.AMQPError:
            self._channel = None
            return False
        return True


def waiting(broker_url: str, queues: list[str]) -> dict[str, int]:
    """Return the queues that hold messages, with their number."""
    connection = connect(broker_url, heartbeat=0)
    channel: Any = connection.channel()
    counts = {queue: channel.queue_declare(queue, passive=True).message_count for queue in queues}
    connection.close()
    return {queue: count for queue, count in counts.items() if count}


@pytest.mark.platform
def test_every_hostile_message_is_filed_once_and_no_worker_dies(
    cluster: Cluster, broker_url: str, platform_url: str
) -> None:
    publisher = Publisher(broker_url)
    services = load_all()
    workers = {service.name: cluster.rows(service.name, PIDS) for service in services}
    sent: dict[str, list[bytes]] = {}
    queues = []
    for service in services:
        for queue in (service.queue, service.dead_queue, service.task_queue):
            queues.append(queue)
            for _, raw, body in cases():
                if publisher.publish(RawMessage(body, raw), queue):
                    sent.setdefault(service.name, []).append(body)

    def unfiled() -> dict[str, int]:
        return {
            name: len(bodies) - len(cluster.rows(name, FILED, bodies))
            for name, bodies in sent.items()
            if len(bodies) != len(cluster.rows(name, FILED, bodies))
        }

    eventually(lambda: not unfiled(), within=WITHIN)
    for name, bodies in sent.items():
        assert {count for _, count in cluster.rows(name, FILED, bodies)} == {1}, name
    assert {service.name: cluster.rows(service.name, PIDS) for service in services} == workers
    eventually(lambda: not waiting(broker_url, queues), within=WITHIN)
    client = Client(platform_url)
    checkout = client.post("/checkouts", PURCHASE).json()["id"]
    eventually(lambda: client.get(f"/checkouts/{checkout}").json()["status"] == "completed")
    print(f"{sum(map(len, sent.values()))} hostile messages on {3 * len(services)} queues")
