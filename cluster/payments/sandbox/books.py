"""The provider's books in its own SQLite file, with the keys of its client beside them.

The effects of an operation commit with it: the account, the event, and the deliveries of that
event. So a kill at any point neither loses an event nor decides one twice. One thread at a time.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import msgspec

from cluster.payments.provider_api import (
    Balance,
    BooksPage,
    Operation,
    OperationsAccepted,
    PaymentStatement,
    ProviderEvent,
)
from cluster.payments.sandbox.answer_spans import Answer
from cluster.payments.sandbox.decisions import (
    Account,
    AccountState,
    Ruling,
    authorise_late,
    decide,
    delivery_delays,
)
from cluster.payments.sandbox.keys import IssuedKeys
from cluster.tracing.context import below

# A failed delivery is tried again: soon, then less often, for as long as it takes.
FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 2.0

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS account (
    payment TEXT PRIMARY KEY, state TEXT NOT NULL, amount INTEGER NOT NULL, card TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operation (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, accepted_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, payment TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_payment ON event (payment);
-- Still in the table means not delivered.
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY, event INTEGER NOT NULL, due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at);
CREATE TABLE IF NOT EXISTS late_authorisation (
    key TEXT PRIMARY KEY, payment TEXT NOT NULL, due_at REAL NOT NULL
) WITHOUT ROWID;
"""


class KeyReusedError(ValueError):
    """An idempotency key came again with another operation."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to deliver once."""

    id: int
    event: ProviderEvent


class Books:
    """The provider's accounts, its events, and the webhooks that it has yet to deliver."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)  # of an earlier revision, which kept no secret in it
        # Used by one thread at a time, not always the same: the server's executor.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)
        self.keys = IssuedKeys(self._db)

    def close(self) -> None:
        self._db.close()

    def accept(self, operations: Sequence[Operation]) -> OperationsAccepted:
        """Carry out the operations that are new, in order, in one transaction.

        Raises KeyReusedError, and does nothing, when a key names two operations.
        """
        accepted = 0
        with self._transaction():
            for operation in operations:
                accepted += self._accept(operation)
        return OperationsAccepted(accepted, len(operations) - accepted)

    def authorise_due(self) -> int:
        """Decide the late authorisations whose time has come and return their number."""
        query = "SELECT key, payment FROM late_authorisation WHERE due_at <= ? ORDER BY due_at"
        due = self._db.execute(query, (self._clock(),)).fetchall()
        if due:
            with self._transaction():
                for key, payment in due:
                    self._db.execute("DELETE FROM late_authorisation WHERE key = ?", (key,))
                    account = self._account(payment)
                    if account is not None:
                        self._follow(UUID(payment), UUID(key), authorise_late(account))
        return len(due)

    def due_deliveries(self, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries whose time has come, the longest due first."""
        rows = self._db.execute(
            """
            SELECT delivery.id, body FROM delivery JOIN event ON event.number = delivery.event
             WHERE due_at <= ? ORDER BY due_at, delivery.id LIMIT ?
            """,
            (self._clock(), limit),
        )
        return [Delivery(id_, _event(body)) for id_, body in rows]

    def next_due(self) -> float | None:
        """Return the seconds until a delivery or a late authorisation is due, or None for none."""
        (due,) = self._db.execute(
            """
            SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM delivery
                           UNION ALL SELECT min(due_at) FROM late_authorisation)
            """
        ).fetchone()
        return None if due is None else max(0.0, due - self._clock())

    def delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Delete these deliveries, whose webhook was answered with 2xx."""
        with self._transaction():
            self._db.executemany(
                "DELETE FROM delivery WHERE id = ?", [(delivery.id,) for delivery in deliveries]
            )

    def not_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Postpone these deliveries, whose webhook was not answered with 2xx."""
        with self._transaction():
            self._db.executemany(
                """
                UPDATE delivery SET attempts = attempts + 1,
                       due_at = ? + min(? * (1 << min(attempts, 16)), ?)
                 WHERE id = ?
                """,
                [(self._clock(), FIRST_PAUSE, LONGEST_PAUSE, d.id) for d in deliveries],
            )

    def hasten(self) -> None:
        """Make every delivery due now that failed before, since the receiver is back."""
        with self._transaction():
            self._db.execute("UPDATE delivery SET due_at = ? WHERE attempts > 0", (self._clock(),))

    def statement(self, payment: UUID) -> PaymentStatement | None:
        """Return the record of one payment with every event about it in order, or None."""
        account = self._account(str(payment))
        if account is None:
            events = self._events(payment)
            return PaymentStatement(payment, "unknown", 0, 0, events) if events else None
        return PaymentStatement(
            payment, account.state, account.authorised, account.captured, self._events(payment)
        )

    def page(
        self, *, after: UUID | None, limit: int, payments: Sequence[UUID] | None = None
    ) -> BooksPage:
        """Return the totals over all payments and, when `limit` is not 0, a page of balances.

        With `payments` the page has only these.
        """
        count, authorised, captured = self._db.execute(
            """
            SELECT count(*), coalesce(sum(amount) FILTER (WHERE state = 'authorised'), 0),
                   coalesce(sum(amount) FILTER (WHERE state = 'captured'), 0) FROM account
            """
        ).fetchone()
        wanted = None if payments is None else msgspec.json.encode(payments).decode()
        rows = self._db.execute(
            "SELECT payment, state, amount, card FROM account WHERE payment > ? "
            "AND (? IS NULL OR payment IN (SELECT value FROM json_each(?))) "
            "ORDER BY payment LIMIT ?",
            (str(after or ""), wanted, wanted, limit),
        ).fetchall()
        accounts = {UUID(row[0]): Account(AccountState(row[1]), *row[2:]) for row in rows}
        balances = {id_: Balance(a.authorised, a.captured) for id_, a in accounts.items()}
        following = UUID(rows[-1][0]) if rows and len(rows) == limit else None
        return BooksPage(count, authorised, captured, balances, following)

    def _accept(self, operation: Operation) -> bool:
        key, request = str(operation.key), msgspec.json.encode(operation).decode()
        known = self._db.execute("SELECT request FROM operation WHERE key = ?", (key,)).fetchone()
        if known is not None:
            if _without_trace(known[0]) != msgspec.structs.replace(operation, traceparent=None):
                raise KeyReusedError(f"the key {key} was used for another operation")
            return False
        self._db.execute("INSERT INTO operation VALUES (?, ?, ?)", (key, request, self._clock()))
        ruling = decide(self._account(str(operation.payment)), operation)
        self._follow(operation.payment, operation.key, ruling)
        return True

    def _follow(self, payment: UUID, key: UUID, ruling: Ruling) -> None:
        account, now = ruling.account, self._clock()
        if account is not None:
            row = (str(payment), account.state.value, account.amount, account.card)
            self._db.execute("REPLACE INTO account VALUES (?, ?, ?, ?)", row)
        if ruling.authorise_after is not None:
            late = (str(key), str(payment), now + ruling.authorise_after)
            self._db.execute("INSERT INTO late_authorisation VALUES (?, ?, ?)", late)
        if ruling.answer is not None:
            answer, card = ruling.answer, account.card if account else ""
            event = ProviderEvent(uuid4(), answer.type, payment, key, answer.amount, answer.reason)
            # In the provider's own span, below that of the operation.
            traceparent = below(self._asked(key)[0], event.id, "answered")
            event = msgspec.structs.replace(event, traceparent=traceparent)
            number = self._record(event)
            delays = delivery_delays(card, answer.type)
            self._db.executemany(
                "INSERT INTO delivery (event, due_at) VALUES (?, ?)",
                [(number, now + delay) for delay in delays],
            )

    def asked(self, deliveries: Sequence[Delivery]) -> list[Answer]:
        """Return each delivery's event, with its operation's traceparent and time of acceptance."""
        return [(d.event, *self._asked(d.event.operation)) for d in deliveries]

    def _asked(self, key: UUID) -> tuple[str | None, float]:
        query = "SELECT request, accepted_at FROM operation WHERE key = ?"
        row = self._db.execute(query, (str(key),)).fetchone()
        return (None, 0.0) if row is None else (_operation(row[0]).traceparent, row[1])

    def _record(self, event: ProviderEvent) -> int | None:
        body = msgspec.json.encode(event).decode()
        row = (str(event.payment), body)
        cursor = self._db.execute("INSERT INTO event (payment, body) VALUES (?, ?)", row)
        return cursor.lastrowid

    def _account(self, payment: str) -> Account | None:
        query = "SELECT state, amount, card FROM account WHERE payment = ?"
        row = self._db.execute(query, (payment,)).fetchone()
        return None if row is None else Account(AccountState(row[0]), row[1], row[2])

    def _events(self, payment: UUID) -> list[ProviderEvent]:
        query = "SELECT body FROM event WHERE payment = ? ORDER BY number"
        return [_event(body) for (body,) in self._db.execute(query, (str(payment),))]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _operation(request: str) -> Operation:
    return msgspec.json.decode(request, type=Operation)


def _without_trace(request: str) -> Operation:
    """Return the operation without its traceparent, which differs in a repetition."""
    return msgspec.structs.replace(_operation(request), traceparent=None)


def _event(body: str) -> ProviderEvent:
    return msgspec.json.decode(body, type=ProviderEvent)
