"""The gateway as an aiohttp application, with all the loops that run in it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

import aiohttp
import psycopg
from aiohttp import web

from cluster.messaging import heartbeats
from cluster.messaging.system_events import CredentialsRotated, announce
from cluster.messaging.work import UnitOfWork
from cluster.payments.domain.breaker import Circuit
from cluster.payments.gateway.keys import ProviderKeys
from cluster.payments.gateway.provider import ProviderClient
from cluster.payments.gateway.receiver import Receiver
from cluster.payments.gateway.reconciliation import Reconciliation
from cluster.payments.gateway.rotation import KeyRotation
from cluster.payments.gateway.sender import Sender
from cluster.payments.gateway.transactions import Transactions
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import HeldKeys
from cluster.payments.repository import CHANNEL
from cluster.secrets.postgres import Database, DatabaseSession
from cluster.secrets.vault import VaultClient

logger = logging.getLogger(__name__)

PROCESS: Final = "payments-gateway"
LISTEN_FOR: Final = 0.5  # seconds; also how long a stop may take
LISTEN_PAUSE: Final = 0.2  # seconds between two attempts to listen
HEALTH_TIMEOUT: Final = 2.0  # seconds


class Gateway:
    """Sender, receiver and reconciliation over one database and one provider.

    `provider_url` is called for each request. Through `vault` the keys are rotated, without it they
    stay.
    """

    def __init__(
        self,
        database: Database,
        *,
        provider_url: Callable[[], str],
        keys: ProviderKeys,
        vault: VaultClient | None = None,
    ) -> None:
        self._database = database
        self._provider_url = provider_url
        self._keys = keys
        self._vault = vault
        self._stopping = threading.Event()

    def application(self, webhook_path: str) -> web.Application:
        """Return the aiohttp application, which runs the loops of the gateway while it serves."""
        app = web.Application()
        app.cleanup_ctx.append(self._run)
        app.router.add_post(webhook_path, self._post_webhook)
        app.router.add_get("/healthz", self._healthz)
        return app

    async def _run(self, _: web.Application) -> AsyncIterator[None]:
        receiving = Transactions(DatabaseSession(self._database), name="receive")
        self._sending = Transactions(DatabaseSession(self._database), name="send")
        async with aiohttp.ClientSession() as session:
            provider = ProviderClient(session, url=self._provider_url, keys=self._keys)
            self._receiver = Receiver(receiving, self._keys)
            self._sender = Sender(self._sending, provider)
            reconciliation = Reconciliation(self._sending, provider, self._receiver)
            loops = [
                self._receiver.run(), self._sender.run(), reconciliation.run(), self._beat()
            ]  # fmt: skip
            if self._vault is not None:
                rotation = KeyRotation(
                    self._vault, provider, self._keys, announce=self._announce_rotation
                )
                loops.append(rotation.run())
            tasks = [asyncio.create_task(loop) for loop in loops]
            for task in tasks:
                task.add_done_callback(_end_with)
            listener = threading.Thread(
                target=self._listen, args=(asyncio.get_running_loop(),), name="listen"
            )
            listener.start()
            yield
            self._stopping.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(listener.join)
        receiving.close()
        self._sending.close()

    async def _post_webhook(self, request: web.Request) -> web.Response:
        return await self._receiver.post_webhook(request)

    async def _healthz(self, _: web.Request) -> web.Response:
        """Answer whether the database can be reached, with the circuit and the backlog."""
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT):
                await self._sending.run(_look)
            database = True
        except (psycopg.Error, TimeoutError):
            database = False
        return web.json_response(
            {
                "status": "ok" if database else "unavailable",
                "database": database,
                "circuit": self._sender.circuit,
                "waiting": self._sender.waiting,
            },
            status=200 if database else 503,
        )

    async def _beat(self) -> None:
        while True:
            try:
                await self._sending.run(partial(_beat, self._sender.circuit, self._sender.waiting))
            except psycopg.Error as error:
                logger.warning("no heartbeat: %s", error)
            await asyncio.sleep(heartbeats.EVERY)

    async def _announce_rotation(self, kind: KeyKind, keys: HeldKeys) -> None:
        try:
            await self._sending.run(partial(_announce, kind, keys.version))
        except psycopg.Error as error:
            logger.warning("the rotation of the %s is not announced: %s", kind.words, error)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the sender at each NOTIFY, on a connection that follows the credentials."""
        while not self._stopping.is_set():
            try:
                with self._database.connect(autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    loop.call_soon_threadsafe(self._sender.wake.set)
                    # A listening connection does not notice a rotation, so it checks at each turn.
                    while self._database.is_current(connection) and not self._stopping.is_set():
                        for _ in connection.notifies(timeout=LISTEN_FOR):
                            loop.call_soon_threadsafe(self._sender.wake.set)
            except psycopg.Error as error:
                logger.warning("not listening: %s", error)
                self._stopping.wait(LISTEN_PAUSE)


def _beat(circuit: Circuit, waiting: int, work: UnitOfWork) -> None:
    detail = {"pid": os.getpid(), "circuit": circuit, "waiting": waiting}
    heartbeats.beat(work, PROCESS, consuming=circuit is Circuit.CLOSED, detail=detail)


def _announce(kind: KeyKind, version: int, work: UnitOfWork) -> None:
    notice = CredentialsRotated(process=PROCESS, username=kind, generation=version)
    announce(work, notice, None)


def _look(work: UnitOfWork) -> None:
    work.cursor.execute("SELECT 1")


def _end_with(task: asyncio.Task[None]) -> None:
    """End the process with a loop that failed, so that the supervisor starts a whole one."""
    if not task.cancelled() and task.exception() is not None:
        logger.critical("stopping", exc_info=task.exception())
        raise web.GracefulExit
