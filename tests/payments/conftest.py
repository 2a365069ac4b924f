"""A private PostgreSQL for the payments database, and real HTTP servers for both sides."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from aiohttp import web

from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.messaging.outbox import flush
from cluster.messaging.work import UnitOfWork
from cluster.payments.gateway.keys import ProviderKeys, fixed_keys
from cluster.payments.gateway.server import Gateway
from cluster.payments.handlers import HANDLERS
from cluster.payments.sandbox.books import Books
from cluster.payments.sandbox.server import Keys, Provider
from cluster.secrets.postgres import Database
from config import environment
from tests.conditions import eventually
from tests.messaging.messages import envelope
from tests.servers import free_port, make_cluster, open_folder, postgres_command, serving

KEYS = Keys(api_key="test-api-key", webhook_secret="test-webhook-secret")


@pytest.fixture(scope="session")
def payments_url() -> Iterator[str]:
    """The address of a migrated payments database, without Vault."""
    port = free_port()
    server = f"postgresql://postgres:none@127.0.0.1:{port}"
    with open_folder("payments-tests") as folder:
        data = folder / "postgres" / "data"
        make_cluster(data, password="none")
        with serving(postgres_command(data, port), log=folder / "log"):
            _create(f"{server}/postgres")
            subprocess.run(
                [sys.executable, "-m", "django", "migrate", "--database", "payments",
                 "--settings", "portfolio.settings", "--verbosity", "0"],
                check=True, cwd=environment.ROOT,
                env={**os.environ, "PAYMENTS_DATABASE_URL": f"{server}/payments"},
            )  # fmt: skip
            yield f"{server}/payments"


def _create(url: str) -> None:
    def created() -> bool:
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(url, autocommit=True) as connection,
        ):
            connection.execute("CREATE DATABASE payments")
            return True
        return False

    eventually(created)


@dataclass
class PaymentsSide:
    """The payments side under test: its database, and the two servers on their ports."""

    url: str
    provider_url: str
    webhook_url: str
    books: Books

    def provider(self) -> AbstractAsyncContextManager[None]:
        """Serve the provider for the length of a block."""
        provider = Provider(self.books, KEYS, webhook_url=self.webhook_url)
        return served(provider.application(), self.provider_url)

    def gateway(
        self, *, hears_webhooks: bool = True, keys: ProviderKeys | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Serve the gateway for the length of a block, or where no webhook is sent to."""
        gateway = Gateway(
            Database("payments"),
            provider_url=lambda: self.provider_url,
            keys=keys or fixed_keys(KEYS.api_key, KEYS.webhook_secret),
        )
        url = self.webhook_url if hears_webhooks else f"http://127.0.0.1:{free_port()}"
        return served(gateway.application("/webhooks/provider"), url)

    def handle(self, *messages: tuple[UUID, Payload]) -> None:
        """Apply one command or event for each payment in one transaction, as the worker does."""
        with psycopg.connect(self.url) as connection:
            work = UnitOfWork(connection, source="payments")
            by_type: dict[type[Payload], list[Message[Any]]] = {}
            for subject, payload in messages:
                by_type.setdefault(type(payload), []).append(
                    Message(envelope(payload, subject_id=subject, source="test"), payload)
                )
            for schema, batch in by_type.items():
                HANDLERS[schema](work, batch)
            flush(work)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(sql, parameters).fetchall()

    def announced(self, subject: str) -> list[str]:
        """Return the types announced about one subject, in order."""
        rows = self.query(
            "SELECT routing_key FROM outbox WHERE subject = %s ORDER BY sequence", subject
        )
        return [row[0].split(".")[1] for row in rows]

    def state(self, payment: UUID) -> str | None:
        rows = self.query("SELECT state FROM payment WHERE id = %s", payment)
        return rows[0][0] if rows else None

    def ledger(self, payment: UUID) -> dict[str, int]:
        """Return the balance that one payment has left in each account, without zeros."""
        rows = self.query(
            "SELECT account, sum(amount)::bigint FROM ledger_entry WHERE payment = %s "
            "GROUP BY account HAVING sum(amount) <> 0",
            payment,
        )
        return dict(rows)


@contextlib.asynccontextmanager
async def served(application: web.Application, url: str) -> AsyncIterator[None]:
    """Serve an application at this address for the length of the block."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", urlsplit(url).port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
def payments_side(
    payments_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PaymentsSide]:
    """The database and two free addresses, on which no server listens yet."""
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", payments_url)
    books = Books(tmp_path / "provider.sqlite3")
    yield PaymentsSide(
        url=payments_url,
        provider_url=f"http://127.0.0.1:{free_port()}",
        webhook_url=f"http://127.0.0.1:{free_port()}/webhooks/provider",
        books=books,
    )
    books.close()


@pytest.fixture
async def running(payments_side: PaymentsSide) -> AsyncIterator[PaymentsSide]:
    """The payments side with its gateway and its provider running."""
    async with payments_side.gateway(), payments_side.provider():
        yield payments_side
