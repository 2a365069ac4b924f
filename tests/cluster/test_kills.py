"""A process killed under load costs no checkout: each accepted one ends, and nothing is lost."""

from __future__ import annotations

from uuid import UUID

import pytest

from config.environment import DATABASES
from tests.cluster.cluster import Cluster
from tests.sampling import all_in_full

pytestmark = [pytest.mark.platform, pytest.mark.fault]

KINDS = {
    "one of each": [
        "worker-orders",
        "relay-payments",
        "postgres-catalog",
        "rabbitmq",
        "openbao",
        "payments-gateway",
        "provider",
    ],
    "workers": [f"worker-{name}" for name in DATABASES],
    "relays": [f"relay-{name}" for name in DATABASES],
    "databases": [f"postgres-{name}" for name in DATABASES],
    "other servers": ["rabbitmq", "redis", "openbao"],
    "other processes": ["payments-gateway", "provider", "beat", "web"],
}
PROCESSES = sorted({process for kind in KINDS.values() for process in kind})
LOAD = 60


@pytest.mark.parametrize("kind", all_in_full(KINDS, always=("one of each",)))
def test_killed_one_after_the_other_under_load_they_cost_no_checkout(
    cluster: Cluster, kind: str
) -> None:
    ids: list[UUID] = []
    for process in KINDS[kind]:
        latest = cluster.start_checkouts(LOAD)
        ids += latest
        cluster.await_in_flight(latest, at_least=5)
        cluster.kill(process)

    assert cluster.await_ended(ids).total() == len(ids)
    cluster.assert_conserved()


@pytest.mark.full
@pytest.mark.parametrize("process", PROCESSES)
def test_one_killed_process_costs_no_checkout(cluster: Cluster, process: str) -> None:
    ids = cluster.start_checkouts(LOAD)
    cluster.await_in_flight(ids, at_least=5)

    cluster.kill(process)

    assert cluster.await_ended(ids).total() == LOAD
    cluster.assert_conserved()
