"""The observer of the running platform notices, names, times and records each death."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import urllib.request
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from uuid import UUID

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import OutageSpan, Process, Snapshot
from cluster.secrets.postgres import database
from cluster.storefront.events import CODES
from compose.supervisor import Supervisor
from tests.conditions import eventually
from tests.sampling import all_in_full

pytestmark = pytest.mark.platform
WITHIN = 10.0  # seconds; ends a hanging test, measures nothing


@pytest.fixture
def steady(platform: Any) -> Snapshot:
    """The observer's snapshot, once all of the platform is healthy."""

    def found() -> list[Snapshot]:
        snapshot = latest()
        return [snapshot] if snapshot and snapshot.state == "steady" else []

    return eventually(found, within=60.0)[0]


def outage(process: str, since: float, *, over: bool) -> OutageSpan:
    """Return the outage of a process that began after `since` (seconds of the epoch)."""

    def found() -> list[OutageSpan]:
        snapshot = latest()
        return [
            span
            for span in (snapshot.outages if snapshot else [])
            if span.process == process
            and UUID(span.id).int >> 80 >= int(since * 1000)  # the milliseconds in a UUIDv7
            and (span.ended is not None) == over
        ]

    return eventually(found, within=60.0)[0]


def of(process: str) -> Process:
    snapshot = latest()
    assert snapshot is not None
    found = snapshot.process(process)
    assert found is not None
    return found


def test_everything_is_seen_and_well(steady: Snapshot) -> None:
    kinds = {process.kind for process in steady.processes}
    assert {"worker", "relay", "database", "broker", "cache", "secrets", "web"} <= kinds
    assert [(service.name, service.code) for service in steady.services] == list(CODES.items())
    assert steady.troubles == []


def test_what_every_process_uses_is_measured(steady: Snapshot) -> None:
    def measured() -> bool:
        snapshot = latest()
        return snapshot is not None and all(
            process.memory_bytes and process.cpu_percent is not None
            for process in snapshot.processes
        )

    assert eventually(measured)


def test_rates_come_from_real_traffic(steady: Snapshot) -> None:
    def flowing() -> bool:
        snapshot = latest()
        if snapshot is None or snapshot.rates is None:
            return False
        checkout = snapshot.service("checkout")
        return snapshot.rates.messages_per_second > 0 and bool(
            checkout and checkout.published_per_second and checkout.consumed_per_second
        )

    assert eventually(flowing, within=60.0)


@pytest.mark.fault
def test_a_killed_worker_is_an_outage_until_it_works_again(steady: Snapshot) -> None:
    began = time.time()
    dead = Supervisor.connect().kill("worker-orders")
    opened = outage("worker-orders", began, over=False)
    assert (opened.service, opened.cause) == ("orders", "killed by signal 9")
    closed = outage("worker-orders", began, over=True)
    assert closed.id == opened.id
    assert closed.seconds is not None
    assert 0 < closed.seconds < time.time() - began
    assert of("worker-orders").pid != dead


@pytest.mark.fault
def test_a_killed_relay_is_back_when_it_holds_the_lock(steady: Snapshot) -> None:
    began = time.time()
    Supervisor.connect().kill("relay-orders")
    assert outage("relay-orders", began, over=True).cause == "killed by signal 9"
    eventually(lambda: of("relay-orders").words.startswith("It holds the lock"))


@pytest.mark.fault
@pytest.mark.parametrize("name", all_in_full(("beat", "chaos-runner"), always=("beat",)))
def test_what_answers_nobody_is_back_when_it_gives_a_sign_of_life(
    steady: Snapshot, name: str
) -> None:
    began = time.time()
    Supervisor.connect().kill(name)
    assert outage(name, began, over=True).cause == "killed by signal 9"
    eventually(lambda: of(name).words.startswith("It is at work"))


@pytest.mark.fault
def test_a_restart_through_the_supervisor_is_called_one(steady: Snapshot) -> None:
    began = time.time()
    Supervisor.connect().restart("worker-catalog")
    assert outage("worker-catalog", began, over=True).cause == "restarted"


@pytest.mark.fault
def test_a_paused_redis_is_said_and_so_is_its_return(steady: Snapshot) -> None:
    began = time.time()
    supervisor = Supervisor.connect()
    supervisor.kill("redis", signal.SIGSTOP)
    try:
        assert outage("redis", began, over=False).cause == "paused"
        eventually(lambda: of("redis").healthy is False)
        snapshot = latest()
        assert snapshot is not None
        assert snapshot.state == "degraded"
        assert any(trouble.startswith("redis") for trouble in snapshot.troubles)
    finally:
        supervisor.kill("redis", signal.SIGCONT)
    assert outage("redis", began, over=True).seconds is not None
    assert eventually(lambda: of("redis").healthy)


@pytest.mark.fault
@pytest.mark.parametrize(
    "name", all_in_full(("redis", "postgres-orders", "openbao", "rabbitmq"), always=("redis",))
)
def test_a_killed_server_is_said_and_comes_back(steady: Snapshot, name: str) -> None:
    began = time.time()
    Supervisor.connect().kill(name)
    assert outage(name, began, over=False).cause == "killed by signal 9"
    outage(name, began, over=True)


@pytest.mark.fault
def test_the_death_of_its_own_database_is_written_afterwards(steady: Snapshot) -> None:
    began = time.time()
    Supervisor.connect().kill("postgres-site")
    closed = outage("postgres-site", began, over=True)

    def written() -> list[tuple[Any, ...]]:
        with database("site", auditor=True).connect() as connection:
            return connection.execute(
                "SELECT process, cause FROM outage WHERE id = %s AND ended IS NOT NULL",
                (closed.id,),
            ).fetchall()

    assert eventually(written, within=60.0) == [("postgres-site", "killed by signal 9")]


@pytest.mark.fault
def test_the_death_of_the_observer_is_seen_by_its_successor(steady: Snapshot) -> None:
    began = time.time()
    Supervisor.connect().kill("observer")
    closed = outage("observer", began, over=True)
    assert (closed.cause, closed.service) == ("exited", None)


def test_gauges_are_kept(steady: Snapshot) -> None:
    def kept() -> set[str]:
        with database("site", auditor=True).connect() as connection:
            rows = connection.execute(
                "SELECT service FROM gauge WHERE at > now() - interval '1 minute'"
            ).fetchall()
        return {service for (service,) in rows}

    assert eventually(lambda: kept() == set(CODES), within=60.0)


# --------------------------------------------------------------- pages of the site


def observations(platform_url: str) -> str:
    return platform_url.replace("http", "ws", 1) + "/observations/"


async def frame(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN):
        received: dict[str, Any] = json.loads(await client.recv())
    return received


async def test_a_browser_gets_one_snapshot_after_the_other(
    platform_url: str, steady: Snapshot
) -> None:
    async with connect(observations(platform_url)) as client:
        assert await frame(client) == {"kind": "state", "state": "live"}
        first, second = await frame(client), await frame(client)
    assert first["kind"] == second["kind"] == "snapshot"
    assert first["snapshot"]["at"] < second["snapshot"]["at"]
    assert {service["name"] for service in second["snapshot"]["services"]} == set(CODES)


async def test_a_page_of_another_site_is_refused(platform_url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(observations(platform_url), origin="https://elsewhere.example"):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == HTTPStatus.FORBIDDEN


async def test_a_browser_that_speaks_is_sent_away(platform_url: str, steady: Snapshot) -> None:
    async with connect(observations(platform_url)) as client:
        await client.send("hello")
        await client.wait_closed()
    assert client.close_code == 4008


def test_status_json_is_the_snapshot(platform_url: str, steady: Snapshot) -> None:
    with urllib.request.urlopen(f"{platform_url}/status.json", timeout=WITHIN) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assert json.load(answer)["processes"]


def test_status_json_takes_no_post(platform_url: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{platform_url}/status.json", data=b"", timeout=WITHIN)
    assert refused.value.code in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN)


def test_the_chaos_page_lists_outages(platform_url: str, steady: Snapshot) -> None:
    with urllib.request.urlopen(f"{platform_url}/chaos/", timeout=WITHIN) as answer:
        page = answer.read().decode()
    assert "<h1>Chaos</h1>" in page
    assert "Time to recover" in page
