"""The loops of gateway and provider end when they are cancelled, also while they are woken."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import AsyncMock, Mock

from cluster.payments.gateway.sender import Sender
from cluster.payments.sandbox.books import Books
from cluster.payments.sandbox.server import Provider
from tests.conditions import eventually_async
from tests.payments.conftest import KEYS

WITHIN = 5.0  # seconds; a loop that goes on would never end


async def ends(loop: asyncio.Task[None], wake: asyncio.Event) -> bool:
    """Wake a loop that waits and cancel it in the next turn. Return whether it ends."""
    await eventually_async(lambda: waiters(wake))
    wake.set()
    await asyncio.sleep(0)
    loop.cancel()
    _, pending = await asyncio.wait({loop}, timeout=WITHIN)
    for task in pending:
        task.cancel()
    return not pending and loop.cancelled()


def waiters(event: asyncio.Event) -> int:
    return len(event._waiters)  # there is no public way to see them


async def test_the_sender_ends_though_it_is_woken() -> None:
    sender = Sender(Mock(run=AsyncMock(return_value=[])), Mock())
    assert await ends(asyncio.create_task(sender.run()), sender.wake)


async def test_the_provider_ends_though_it_is_woken(tmp_path: Path) -> None:
    books = Books(tmp_path / "provider.sqlite3")
    provider = Provider(books, KEYS, webhook_url="http://127.0.0.1:9/")
    assert await ends(asyncio.create_task(provider._deliver_for_ever(Mock())), provider._wake)
    books.close()
