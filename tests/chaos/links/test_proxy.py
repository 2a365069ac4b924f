"""The fault proxy between real sockets, and the addresses by which clients reach it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from chaos.links.proxy import LinkProxy
from chaos.links.table import in_force, lead_astray, lead_back
from config import environment
from config.fault_routes import Detour

Reach = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def detour(mode: str, *, lasts: float = 30.0, **more: int) -> Detour:
    return Detour("one", "orders-broker", mode, time.time() + lasts, "127.0.0.1:1", **more)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


class Wrong:
    """The fault of the link, which a test sets."""

    detour: Detour | None = None


@asynccontextmanager
async def proxied(wrong: Wrong) -> AsyncIterator[Reach]:
    """Yield a function that connects to an echo server through the proxy."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    probe = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    proxy = LinkProxy(
        "orders-broker", server=lambda: (address[0], address[1]), detour=lambda: wrong.detour
    )
    serving = asyncio.create_task(proxy.serve("127.0.0.1", port))
    opened: list[asyncio.StreamWriter] = []

    async def reach() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:  # the proxy does not listen yet
                await asyncio.sleep(0.01)
                continue
            opened.append(writer)
            return reader, writer

    try:
        yield reach
    finally:
        for writer in opened:
            writer.close()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        server.close()


async def is_reset(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(10), 5) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("wrong_with_it", [None, detour("cut")])
async def test_whoever_comes_without_a_detour_or_to_a_cut_link_is_turned_away(
    wrong_with_it: Detour | None,
) -> None:
    wrong = Wrong()
    wrong.detour = wrong_with_it
    async with proxied(wrong) as reach:
        reader, _ = await reach()

        assert await is_reset(reader)


async def test_a_slow_link_carries_everything_late_in_both_directions() -> None:
    wrong = Wrong()
    wrong.detour = detour("slow", milliseconds=60)
    async with proxied(wrong) as reach:
        reader, writer = await reach()
        began = time.monotonic()
        writer.write(b"x" * 200_000)

        assert await reader.readexactly(200_000) == b"x" * 200_000
        assert 0.12 <= time.monotonic() - began < 2.0, "late once each way, not once a piece"


async def test_a_narrow_link_takes_its_time() -> None:
    wrong = Wrong()
    wrong.detour = detour("slow", bytes_per_second=100_000)
    async with proxied(wrong) as reach:
        reader, writer = await reach()
        began = time.monotonic()
        writer.write(b"x" * 30_000)
        await reader.readexactly(30_000)

        assert time.monotonic() - began >= 0.3


async def test_a_slow_link_ends_when_its_server_does() -> None:
    wrong = Wrong()
    wrong.detour = detour("slow", milliseconds=1)
    async with proxied(wrong) as reach:
        reader, writer = await reach()
        writer.write(b"last words")
        writer.write_eof()

        assert await asyncio.wait_for(reader.read(), 5) == b"last words"


async def test_a_black_hole_takes_the_connection_and_answers_nothing() -> None:
    wrong = Wrong()
    wrong.detour = detour("blackhole")
    async with proxied(wrong) as reach:
        reader, writer = await reach()
        writer.write(b"anybody there?")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)


@pytest.mark.parametrize("mode", ["slow", "blackhole"])
async def test_a_connection_ends_with_its_detour(mode: str) -> None:
    wrong = Wrong()
    wrong.detour = detour(mode)
    async with proxied(wrong) as reach:
        reader, writer = await reach()
        if mode == "slow":
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"

        wrong.detour = None

        assert await is_reset(reader)


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The routes file of this test's own run directory.

    The environment names a broker and the database of orders, for the identity orders.
    """
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("BROKER_URL", "pyamqp://127.0.0.1:5672//")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "postgresql://user:p%40ss@127.0.0.1:5432/orders")
    monkeypatch.setenv("VAULT_IDENTITY", "orders")
    return environment.routes_file()


def test_only_the_owner_of_a_link_takes_its_detour(
    routes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead_astray(detour("cut"))
    assert environment.broker_url() == "pyamqp://127.0.0.1:1//"
    assert environment.database_url("orders").endswith("@127.0.0.1:5432/orders")

    for other in ("catalog", "site", "observer"):
        monkeypatch.setenv("VAULT_IDENTITY", other)
        assert environment.broker_url() == "pyamqp://127.0.0.1:5672//"


@pytest.mark.parametrize("identity", ["web", "site"])
def test_the_web_server_takes_the_detours_of_the_site(
    identity: str, routes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    monkeypatch.setenv("VAULT_IDENTITY", identity)
    lead_astray(Detour("three", "site-cache", "cut", time.time() + 9, "127.0.0.1:7"))

    assert environment.redis_url() == "redis://127.0.0.1:7/0"


def test_a_detour_keeps_the_login_of_the_address(routes: Path) -> None:
    lead_astray(Detour("two", "orders-database", "slow", time.time() + 9, "127.0.0.1:7", 50))

    assert environment.database_url("orders") == "postgresql://user:p%40ss@127.0.0.1:7/orders"


def test_a_link_is_led_back(routes: Path) -> None:
    lead_astray(detour("cut"))
    lead_astray(detour("cut"))

    assert lead_back("one")
    assert environment.broker_url() == "pyamqp://127.0.0.1:5672//"
    assert not lead_back("one")


def test_a_detour_that_nobody_takes_away_ends_by_itself(routes: Path) -> None:
    routes.parent.mkdir(parents=True)
    routes.write_text(json.dumps([asdict(detour("cut", lasts=-1.0))]))

    assert in_force() == {}
    assert environment.broker_url() == "pyamqp://127.0.0.1:5672//"


@pytest.mark.parametrize("content", ["", "rubbish", "[{}]", '[{"id": 1}]', "{}"])
def test_a_file_that_makes_no_sense_leads_nobody_astray(routes: Path, content: str) -> None:
    routes.parent.mkdir(parents=True)
    routes.write_text(content)

    assert environment.broker_url() == "pyamqp://127.0.0.1:5672//"
