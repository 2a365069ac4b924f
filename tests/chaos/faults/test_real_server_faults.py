"""Each fault of a server of the running platform shows the sign that a client sees."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from http import HTTPStatus
from statistics import median
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import amqp
import psycopg
import pytest
from psycopg import errors

from chaos.faults.engine import Engine
from cluster.health.probes.confirms import ConfirmProbe
from cluster.health.probes.probe import NothingLearnt, ProbeFailed
from cluster.messaging.topology import connect
from cluster.operations.queues import broker_connection, queue_depths
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import read_keys
from cluster.secrets.vault import VaultClient
from cluster.services import load_all
from config.environment import vault_address
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.conftest import Broken
from tests.databases import superuser_address

pytestmark = [pytest.mark.platform, pytest.mark.fault]


def session(database: str) -> psycopg.Connection[tuple[object, ...]]:
    address = f"{superuser_address(database)}/{database}"
    return psycopg.connect(address, autocommit=True, connect_timeout=2)


def refused(attempt: Callable[[], object], error: type[Exception]) -> bool:
    try:
        attempt()
    except error:
        return True
    return False


def commit_seconds(connection: psycopg.Connection[tuple[object, ...]]) -> float:
    """Return the median duration of seven writing commits, in seconds."""
    spent = []
    for _ in range(7):
        began = time.perf_counter()
        connection.execute("INSERT INTO commits DEFAULT VALUES")
        spent.append(time.perf_counter() - began)
    return median(spent)


# -------------------------------------------------------------------------- the broker


def test_closed_connections_are_really_closed_and_every_consumer_returns(
    broken: Broken, broker_url: str
) -> None:
    mine = connect(broker_url, heartbeat=0)
    with broken("close-broker-connections", "rabbitmq"), pytest.raises(amqp.ConnectionForced):
        mine.drain_events(timeout=10)
    services = load_all()

    def all_read() -> bool:
        try:
            with broker_connection() as connection:
                return all(depth.consumers for depth in queue_depths(connection, services))
        except (OSError, amqp.AMQPError):
            return False

    assert eventually(all_read)


def test_a_memory_alarm_blocks_whoever_publishes_until_it_is_healed(
    broken: Broken, broker_url: str
) -> None:
    told: list[str] = []
    where: Any = connect(broker_url, heartbeat=0)
    where.on_blocked = lambda _reason: told.append("blocked")
    where.on_unblocked = lambda: told.append("unblocked")
    channel = where.channel()

    def publish_and_hear() -> list[str]:
        channel.basic_publish(amqp.Message(b"{}"), exchange="", routing_key="nowhere")
        hear()
        return told

    def hear() -> list[str]:
        with suppress(TimeoutError):
            where.drain_events(timeout=0.2)
        return told

    with broken("broker-memory-alarm", "rabbitmq"):
        assert eventually(publish_and_hear) == ["blocked"]
    assert eventually(lambda: "unblocked" in hear())
    where.close()


def test_the_observer_is_told_of_an_alarm_with_its_reason(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_IDENTITY", "observer")
    probe = ConfirmProbe()

    def alarm_after_asking() -> str | None:
        with suppress(NothingLearnt, ProbeFailed):
            probe.ask()
        return probe.alarm

    with broken("broker-memory-alarm", "rabbitmq"):
        assert eventually(alarm_after_asking) == "low on memory"
    assert eventually(lambda: alarm_after_asking() is None)
    probe.close()


# ----------------------------------------------------------------------- the databases


def test_ended_sessions_are_really_ended(broken: Broken) -> None:
    with session("orders") as mine, broken("end-database-sessions", "orders"):
        assert refused(lambda: mine.execute("SELECT 1"), errors.AdminShutdown)
    with session("orders") as another:
        another.execute("SELECT 1")


def test_a_closed_database_lets_nobody_in_until_it_is_healed(broken: Broken) -> None:
    not_now = pytest.raises(psycopg.OperationalError, match="not currently accepting")
    with broken("refuse-database-connections", "payments"), not_now:
        session("payments")
    session("payments").close()


def test_a_read_only_database_refuses_writes_until_it_is_healed(broken: Broken) -> None:
    with session("site") as mine:
        write = "DELETE FROM outbox WHERE false"

        def is_read_only() -> bool:
            return refused(lambda: mine.execute(write), errors.ReadOnlySqlTransaction)

        assert not is_read_only()
        with broken("read-only-database", "site"):
            assert eventually(is_read_only)
        assert eventually(lambda: not is_read_only())


@pytest.mark.parametrize("first", ["refuse-database-connections", "read-only-database"])
def test_a_database_that_is_closed_and_read_only_is_healed_in_either_order(
    real_engine: Engine, broken: Broken, first: str
) -> None:
    with broken("refuse-database-connections", "catalog"), broken("read-only-database", "catalog"):
        (armed,) = [one for one in real_engine.armed.all() if one.fault == first]
        real_engine.heal(armed)
    session("catalog").close()


def test_every_commit_of_a_slow_database_takes_longer(broken: Broken) -> None:
    with session("checkout") as mine:
        mine.execute("CREATE TEMPORARY TABLE nothing (x int)")
        mine.execute("DROP TABLE IF EXISTS commits")
        mine.execute("CREATE TABLE commits (id bigserial)")
        try:
            usual = commit_seconds(mine)
            with broken("slow-database", "checkout", milliseconds=60):
                assert eventually(lambda: commit_seconds(mine) > usual + 0.05)
            assert eventually(lambda: commit_seconds(mine) < 0.05)
        finally:
            mine.execute("DROP TABLE commits")


# ------------------------------------------------------------------------- the secrets


def test_revoked_logins_are_gone_and_the_service_leases_others(broken: Broken) -> None:
    logins = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'lease\\_identity\\_%'"
    with session("identity") as mine:

        def leased() -> set[object]:
            return {name for (name,) in mine.execute(logins)}

        before = leased()
        assert before
        with broken("revoke-leases", "identity"):
            assert eventually(lambda: not before & leased())
            assert eventually(leased)


def test_a_rotated_key_is_replaced_in_vault_when_the_fault_is_told(broken: Broken) -> None:
    with closing(VaultClient.for_identity("operator")) as vault:
        before = read_keys(vault)
        with broken("rotate-provider-key", "webhook-secret"):
            after = read_keys(vault)
    webhook, api = KeyKind.WEBHOOK_SECRET, KeyKind.API_KEY
    assert after[webhook].before == before[webhook].secret != after[webhook].secret
    assert after[api] == before[api]


def test_a_sealed_vault_answers_nobody_until_it_is_healed(broken: Broken) -> None:
    def health() -> int:
        try:
            with urlopen(f"{vault_address()}/v1/sys/health", timeout=2) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    with broken("seal-secrets", "openbao"):
        assert health() == HTTPStatus.SERVICE_UNAVAILABLE
    assert eventually(lambda: health() == HTTPStatus.OK)


# ------------------------------------------------------------------------- afterwards


def test_after_all_of_this_checkouts_complete_and_nothing_is_lost(real_engine: Engine) -> None:
    assert real_engine.armed.all() == []
    cluster = Cluster()
    ids = cluster.start_checkouts(20)
    assert cluster.await_ended(ids).total() == len(ids)
    cluster.assert_conserved()
