"""The event stream, as a client outside of the platform gets it."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cluster.secrets.postgres import database
from cluster.storefront.stream.consumer import requested_after
from cluster.storefront.stream.listening import MOST_OF_ADDRESS
from tests.conditions import eventually

WITHIN = 10.0  # seconds; ends a hanging test, measures nothing


def address(platform_url: str, query: str = "") -> str:
    return platform_url.replace("http", "ws", 1) + "/stream/" + query


async def frame(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN):
        received: dict[str, Any] = json.loads(await client.recv())
    return received


async def events(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    """Return the first `count` events that come."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        received = await frame(client)
        found += received.get("events", [])
    return found[:count]


async def closing(client: ClientConnection) -> tuple[str, int]:
    """Return the last state that the server sent, and the code of its close."""
    said = ""
    try:
        while True:
            said = (await frame(client)).get("state", said)
    except ConnectionClosed as closed:
        return said, closed.rcvd.code if closed.rcvd else 0


@pytest.mark.platform
async def test_events_come_in_order_and_without_a_gap(platform_url: str) -> None:
    async with connect(address(platform_url)) as client:
        numbers = [event["seq"] for event in await events(client, 3)]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))


@pytest.mark.platform
@pytest.mark.full  # waits for up to 20 s
async def test_who_follows_is_noticed_by_the_ambient_load(platform_url: str) -> None:
    def noticed_since(moment: datetime) -> bool:
        with database("site", auditor=True).connect(autocommit=True) as connection:
            seen = connection.execute("SELECT 1 FROM audience WHERE seen_at > %s", (moment,))
            return seen.fetchone() is not None

    async with connect(address(platform_url)):
        started = datetime.now(UTC)
        await asyncio.to_thread(eventually, lambda: noticed_since(started), within=30.0)


@pytest.mark.platform
async def test_a_client_resumes_right_after_what_it_has_seen(platform_url: str) -> None:
    async with connect(address(platform_url)) as client:
        [seen] = await events(client, 1)
    async with connect(address(platform_url, f"?after={seen['seq']}")) as client:
        [following] = await events(client, 1)
    assert following["seq"] == seen["seq"] + 1


@pytest.mark.platform
async def test_a_replay_is_announced_and_ends_live(platform_url: str) -> None:
    async with connect(address(platform_url)) as client:
        [seen] = await events(client, 1)
    async with connect(address(platform_url, f"?after={seen['seq']}")) as client:
        said: list[str] = []
        while not said or not said[-1].startswith("live"):
            received = await frame(client)
            if received["kind"] == "state":
                said.append(received["state"])
    assert said[0] == f"replaying from {seen['seq']}"


@pytest.mark.platform
async def test_a_client_from_the_future_is_told_where_the_journal_ends(platform_url: str) -> None:
    async with connect(address(platform_url, f"?after={2**62}")) as client:
        received = await frame(client)
    assert received["state"] == f"the journal ends at {received['after']}"


@pytest.mark.platform
async def test_a_client_that_reads_slowly_misses_nothing(platform_url: str) -> None:
    async with (
        connect(address(platform_url), max_queue=1) as slow,
        connect(address(platform_url)) as quick,
    ):
        [first] = await events(slow, 1)
        # The slow client reads nothing more until the quick one has seen 70.
        [*_, last] = await events(quick, 70)
        numbers = [first["seq"]]
        while numbers[-1] < last["seq"]:
            numbers += [event["seq"] for event in (await frame(slow)).get("events", [])]
    assert all(later > earlier for earlier, later in pairwise(numbers))
    assert numbers[-1] - numbers[1] == len(numbers) - 2


@pytest.mark.platform
@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9" * 40])
async def test_a_senseless_after_is_refused_with_the_reason(platform_url: str, after: str) -> None:
    async with connect(address(platform_url, f"?after={after}")) as client:
        said, code = await closing(client)
    assert code == 4008
    assert said.startswith("closed: after must be")


@pytest.mark.platform
async def test_a_client_that_speaks_is_refused_with_the_reason(platform_url: str) -> None:
    async with connect(address(platform_url)) as client:
        await client.send("hello")
        said, code = await closing(client)
    assert (said, code) == ("closed: this stream takes no messages", 4008)


@pytest.mark.platform
async def test_an_oversized_frame_ends_the_connection(platform_url: str) -> None:
    async with connect(address(platform_url)) as client:
        await client.send("x" * 1_000_000)
        _, code = await closing(client)
    assert code == 1009


@pytest.mark.platform
@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://127.0.0.1:1"])
async def test_a_foreign_page_may_not_listen(platform_url: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address(platform_url), additional_headers={"Origin": origin}):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.platform
async def test_our_own_page_may_listen(platform_url: str) -> None:
    async with connect(
        address(platform_url), additional_headers={"Origin": platform_url}
    ) as client:
        assert (await frame(client))["kind"] == "state"


@pytest.mark.platform
async def test_one_address_gets_no_more_than_its_share_of_the_seats(platform_url: str) -> None:
    here = f"203.0.113.{secrets.randbelow(250)}"
    elsewhere = f"198.51.100.{secrets.randbelow(250)}"
    async with AsyncExitStack() as closed_at_the_end:

        async def client(sender: str) -> ClientConnection:
            opening = connect(address(platform_url), additional_headers={"X-Forwarded-For": sender})
            return await closed_at_the_end.enter_async_context(opening)

        for _ in range(MOST_OF_ADDRESS):
            assert not (await frame(await client(here)))["state"].startswith("closed")
        said, code = await closing(await client(here))
        assert code == 4013
        assert said == f"closed: {MOST_OF_ADDRESS} from your address are watching; no seat"
        assert not (await frame(await client(elsewhere)))["state"].startswith("closed")


@pytest.mark.parametrize(("query", "after"), [(b"", None), (b"after=0", 0), (b"after=8841", 8841)])
def test_the_query_names_the_last_event_seen(query: bytes, after: int | None) -> None:
    assert requested_after(query) == after
