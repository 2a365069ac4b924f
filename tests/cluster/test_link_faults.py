"""All checkouts end while one service's link is cut, slow or a black hole, and nothing is lost."""

from __future__ import annotations

import time
from urllib.request import urlopen

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaos.faults.links import FAULTS
from chaos.links.table import in_force
from cluster.secrets.addresses import redis_url_with_credentials
from cluster.secrets.cache_connections import RoutedConnection
from compose.errors import Misuse
from tests.cluster.cluster import Cluster
from tests.cluster.driver import Superuser, broken
from tests.conditions import eventually

pytestmark = [pytest.mark.platform, pytest.mark.fault]

BY_NAME = {fault.name: fault for fault in FAULTS}
BEAT = "SELECT consuming, beat_at FROM heartbeat WHERE process LIKE 'worker-%%'"


def connections(service: str) -> int:
    """Return how many connections a service has to the broker."""
    told = Superuser().broker("list_connections", "--quiet", "client_properties")
    return told.count(f'{{"service","{service}"}}')


def test_a_service_cut_off_from_the_broker_returns_to_it(cluster: Cluster) -> None:
    cluster.await_ended(
        cluster.start_checkouts(1)
    )  # a relay connects when it has something to send
    assert connections("orders") >= 2, "its worker and its relay"
    others = connections("catalog")
    with broken(BY_NAME["cut-link"], "orders-broker"):
        eventually(lambda: connections("orders") == 0)
        ids = cluster.start_checkouts(5)
        # The checkouts get as far as the order, whose event does not reach the broker.
        waiting = "SELECT count(*) FROM saga WHERE id = ANY(%s) AND position = 3"
        eventually(lambda: cluster.rows("checkout", waiting, ids) == [(5,)])
        assert connections("catalog") == others

    # On a busy machine the order's deadline may have passed meanwhile.
    assert cluster.await_ended(ids).total() == 5
    eventually(lambda: connections("orders") >= 2)
    cluster.assert_conserved()


def test_a_slow_database_makes_checkouts_slow(cluster: Cluster) -> None:
    with broken(BY_NAME["slow-link"], "catalog-database", milliseconds=60):
        began = time.monotonic()
        ids = cluster.start_checkouts(2)
        assert cluster.await_ended(ids).total() == 2
        # A transaction takes several round trips, each of which is delayed both ways.
        assert time.monotonic() - began > 0.5


def test_a_black_hole_towards_the_provider_keeps_payments_waiting(cluster: Cluster) -> None:
    paid = "SELECT count(*) FROM ledger_entry WHERE payment = ANY(%s)"
    with broken(BY_NAME["blackhole-link"], "payments-provider"):
        ids = cluster.start_checkouts(2)
        waiting = "SELECT count(*) FROM saga WHERE id = ANY(%s) AND position = 2"
        eventually(lambda: cluster.rows("checkout", waiting, ids) == [(2,)])
        time.sleep(1.0)  # no condition shows that nothing happened
        assert cluster.rows("payments", paid, ids) == [(0,)]

    assert cluster.await_ended(ids).total() == 2
    cluster.assert_conserved()


def test_the_site_answers_while_it_cannot_reach_its_cache(
    cluster: Cluster, platform_url: str
) -> None:
    cache = redis.Redis.from_url(
        redis_url_with_credentials(),
        connection_class=RoutedConnection,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=1.0,
    )

    def reached() -> bool:
        try:
            return bool(cache.ping())
        except redis.ConnectionError:
            return False

    assert reached()
    with broken(BY_NAME["cut-link"], "site-cache"):
        eventually(lambda: not reached())
        with urlopen(f"{platform_url}/", timeout=10) as answer:
            assert answer.status == 200
        assert not reached()

    eventually(reached)


def test_a_link_that_nobody_heals_heals_itself(cluster: Cluster) -> None:
    with broken(BY_NAME["cut-link"], "catalog-database", seconds=2.0, heal=False):
        ids = cluster.start_checkouts(3)

        assert cluster.await_ended(ids) == {"completed": 3}
    assert in_force() == {}


@pytest.mark.parametrize(
    ("name", "target", "parameters"),
    [
        ("cut-link", "site-broker", {}),
        ("cut-link", "orders-broker", {"milliseconds": 5}),
        ("slow-link", "orders-broker", {"milliseconds": -1}),
        ("blackhole-link", "orders-broker", {"bytes_per_second": 5}),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(
    name: str, target: str, parameters: dict[str, object]
) -> None:
    with pytest.raises(Misuse):
        BY_NAME[name].check(target, parameters)
