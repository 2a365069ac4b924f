"""An inbox whose effects a test can see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cluster.catalog.contract import ReserveStock, StockReserved
from cluster.messaging.envelope import Envelope, Message, encode_envelope
from cluster.messaging.inbox import Inbox
from cluster.messaging.service import Service
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession

EFFECTS = "CREATE TABLE IF NOT EXISTS effect (id serial, subject text, sequence int)"


class Shelf:
    """A service that records every effect, and raises the error that `fail_on` has for a SKU."""

    def __init__(self, session: DatabaseSession) -> None:
        self.session = session
        self.fail_on: dict[str, Exception] = {}
        service = Service(name="catalog", code="CAT", handlers={ReserveStock: self.reserve})
        self.inbox = Inbox(service, session)

    def reserve(self, work: UnitOfWork, messages: Sequence[Message[ReserveStock]], /) -> None:
        for message in messages:
            work.cursor.execute(
                "INSERT INTO effect (subject, sequence) VALUES (%s, %s)",
                (message.envelope.subject, message.envelope.sequence),
            )
            work.reply(message, StockReserved(sku="MUG", quantity=1))
            if message.payload.sku in self.fail_on:
                raise self.fail_on[message.payload.sku]

    def apply(self, *envelopes: Envelope) -> None:
        self.inbox.apply([encode_envelope(one) for one in envelopes])

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.session.transaction() as connection:
            return connection.execute(query, parameters).fetchall()

    def effects(self, subject_id: UUID) -> list[int]:
        """Return the sequences applied for a subject, in the order of their application."""
        query = "SELECT sequence FROM effect WHERE subject = %s ORDER BY id"
        return [row[0] for row in self.rows(query, f"reservation/{subject_id}")]

    def parked(self, subject_id: UUID) -> list[int]:
        query = "SELECT sequence FROM parked WHERE subject = %s ORDER BY sequence"
        return [row[0] for row in self.rows(query, f"reservation/{subject_id}")]

    def announced(self, type_: str, correlation: UUID) -> int:
        query = "SELECT body FROM outbox WHERE routing_key = %s"
        return sum(str(correlation).encode() in bytes(row[0]) for row in self.rows(query, type_))
