"""All checkouts end while one service's link is cut, slow or a black hole, and nothing is lost."""

from __future__ import annotations

import time
from urllib.request import urlopen

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaos.drivers.driver import choose_driver
from chaos.faults.engine import Engine
from chaos.links.table import in_force
from cluster.secrets.addresses import redis_url_with_credentials
from cluster.secrets.cache_connections import RoutedConnection
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.conftest import Broken

pytestmark = [pytest.mark.platform, pytest.mark.fault]


def connections(service: str) -> int:
    """Return how many connections a service has to the broker."""
    told = choose_driver().broker("list_connections", "client_properties")
    return told.count(f'{{"service","{service}"}}')


def test_a_service_cut_off_from_the_broker_returns_to_it(cluster: Cluster, broken: Broken) -> None:
    cluster.await_ended(
        cluster.start_checkouts(1)
    )  # a relay connects when it has something to send
    assert connections("orders") >= 2, "its worker and its relay"
    others = connections("catalog")
    with broken("cut-link", "orders-broker", life=60.0):
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


def test_a_slow_database_makes_checkouts_slow(cluster: Cluster, broken: Broken) -> None:
    with broken("slow-link", "catalog-database", life=60.0, milliseconds=60):
        began = time.monotonic()
        ids = cluster.start_checkouts(2)
        assert cluster.await_ended(ids).total() == 2
        # A transaction takes several round trips, each of which is delayed both ways.
        assert time.monotonic() - began > 0.5


def test_a_black_hole_towards_the_provider_keeps_payments_waiting(
    cluster: Cluster, broken: Broken
) -> None:
    paid = "SELECT count(*) FROM ledger_entry WHERE payment = ANY(%s)"
    with broken("blackhole-link", "payments-provider", life=60.0):
        ids = cluster.start_checkouts(2)
        waiting = "SELECT count(*) FROM saga WHERE id = ANY(%s) AND position = 2"
        eventually(lambda: cluster.rows("checkout", waiting, ids) == [(2,)])
        time.sleep(1.0)  # no condition shows that nothing happened
        assert cluster.rows("payments", paid, ids) == [(0,)]

    assert cluster.await_ended(ids).total() == 2
    cluster.assert_conserved()


def test_the_site_answers_while_it_cannot_reach_its_cache(
    cluster: Cluster, platform_url: str, broken: Broken
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
    with broken("cut-link", "site-cache", life=60.0):
        eventually(lambda: not reached())
        with urlopen(f"{platform_url}/", timeout=10) as answer:
            assert answer.status == 200
        assert not reached()

    eventually(reached)


def test_a_link_that_nobody_heals_heals_itself(cluster: Cluster, real_engine: Engine) -> None:
    real_engine.inject(fault="cut-link", target="catalog-database", seconds=2.0, actor="a test")
    ids = cluster.start_checkouts(3)

    assert cluster.await_ended(ids) == {"completed": 3}
    assert in_force() == {}
