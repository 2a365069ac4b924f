"""SIGKILL under load: whatever dies, every accepted checkout ends and nothing is lost."""

from __future__ import annotations

import pytest

from config.environment import DATABASES
from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.platform, pytest.mark.fault]

SERVICES = [f"worker-{name}" for name in DATABASES]
RELAYS = [f"relay-{name}" for name in DATABASES]
DATABASE_SERVERS = [f"postgres-{name}" for name in DATABASES]
OTHERS = ["payments-gateway", "provider", "beat", "web"]


@pytest.mark.parametrize("process", [*SERVICES, *RELAYS, *OTHERS])
def test_a_killed_process_costs_no_checkout(cluster: Cluster, process: str) -> None:
    ids = cluster.start_checkouts(60)
    cluster.await_in_flight(ids, at_least=5)

    cluster.kill(process)

    assert cluster.await_ended(ids).total() == 60
    cluster.assert_conserved()


@pytest.mark.parametrize("server", ["rabbitmq", *DATABASE_SERVERS, "redis", "openbao"])
def test_a_killed_server_costs_no_checkout(cluster: Cluster, server: str) -> None:
    ids = cluster.start_checkouts(200)
    cluster.await_in_flight(ids, at_least=5)

    cluster.kill(server)

    assert cluster.await_ended(ids).total() == 200
    cluster.assert_conserved()
