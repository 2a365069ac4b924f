"""The messages of one correlation in the journal, and their rows in the inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from cluster.messaging.queries import AppliedMessage, applied
from cluster.storefront.journal.queries import Entry, entries_of
from config.environment import SERVICES
from portfolio.demos.queries import read


class Application(NamedTuple):
    """A message as the inbox of one service has applied it."""

    service: str
    message: AppliedMessage


def recorded_of(correlation: UUID) -> list[Entry]:
    """Return the messages of a correlation, in the order of the journal."""
    return read("site", entries_of, [correlation])


def applications(messages: Sequence[UUID]) -> list[Application]:
    """Return the rows of these messages in every service's inbox."""
    return [
        Application(service, row)
        for service in SERVICES
        for row in read(service, applied, messages)
    ]
