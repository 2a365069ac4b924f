"""The messages of one correlation in the journal, and their rows in the inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cluster.messaging.contract import REGISTRY, Kind
from cluster.storefront.journal.readable import READABLE_TIME
from config.environment import SERVICES
from portfolio.demos.queries import read

JOURNAL: Final = f"""
    SELECT seq, message_id::text, source, type, causation::text,
           coalesce({READABLE_TIME.format("time")}, recorded_at), recorded_at
      FROM journal WHERE correlation = %s ORDER BY seq
"""  # noqa: S608  (names of our own)
INBOX: Final = "SELECT message_id::text, applied, applied_at FROM inbox WHERE message_id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message. `time` is that of its sender's transaction, `causation` names its cause."""

    seq: int
    message: str
    source: str
    type: str
    causation: str | None
    time: datetime
    recorded_at: datetime

    @property
    def owner(self) -> str:
        """The service that must apply a command, or an empty string for an event."""
        declared = REGISTRY.get(self.type)
        return declared.owner if declared and declared.kind is Kind.COMMAND else ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of an inbox. `times` is how often it took effect, `at` its first transaction."""

    service: str
    message: str
    times: int
    at: datetime


def recorded_of(correlation: UUID) -> list[Heard]:
    """Return the messages of a correlation, in the order of the journal."""
    return [Heard(*row) for row in read("site", JOURNAL, correlation)]


def applications(messages: Sequence[str]) -> list[Applied]:
    """Return the rows of these messages in every service's inbox."""
    return [
        Applied(service, *row)
        for service in SERVICES
        for row in read(service, INBOX, [UUID(message) for message in messages])
    ]
