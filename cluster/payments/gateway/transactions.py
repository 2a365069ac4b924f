"""Database work of an asyncio process, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from cluster.messaging import outbox
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession

SOURCE: Final = "payments"

T = TypeVar("T")


class Transactions:
    """Runs one transaction at a time on one long-lived connection, off the event loop."""

    def __init__(self, session: DatabaseSession, *, name: str) -> None:
        self._session = session
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work` in one transaction together with the messages that it announces.

        Raises DatabaseUnavailable, when it may have committed or not.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._commit, work)

    def close(self) -> None:
        """Finish the transaction in hand, then close the connection."""
        self._executor.submit(self._session.close)
        self._executor.shutdown(wait=True)

    def _commit(self, work: Callable[[UnitOfWork], T]) -> T:
        with outbox.unit_of_work(self._session, source=SOURCE) as unit:
            return work(unit)
