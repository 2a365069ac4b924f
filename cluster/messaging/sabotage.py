"""Switches that break a guarantee on purpose, to prove that the checkers can fail.

A checker that has never failed proves nothing. `SABOTAGE=inbox,confirms,outbox` in a process's
environment turns the named protections off in that process only.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cache
from typing import Final

from cluster.messaging import middleware
from cluster.messaging.inbox import Delivery, Inbox
from cluster.messaging.outbox import flush
from cluster.messaging.publisher import Publisher
from cluster.messaging.work import UnitOfWork
from config.environment import setting

# Every delivery is applied, and the count says how often.
RECORD_IDS_AGAIN: Final = """
    INSERT INTO inbox AS seen (message_id, type, applied, applied_at)
    SELECT message_id, type, count(*), %s
      FROM unnest(%b::uuid[], %b::text[]) AS t (message_id, type) GROUP BY message_id, type
    ON CONFLICT (message_id) DO UPDATE SET applied = seen.applied + EXCLUDED.applied
"""
ADVANCE_REGARDLESS: Final = """
    INSERT INTO inbox_stream AS s (source, subject, last_sequence, updated_at)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::int[], %b::timestamptz[])
    ON CONFLICT (source, subject) DO UPDATE
       SET last_sequence = greatest(s.last_sequence, EXCLUDED.last_sequence)
"""


class Sabotage(enum.StrEnum):
    """The protections that can be switched off."""

    INBOX = "inbox"  # apply every delivery, duplicates and gaps included (breaks guarantee 3)
    CONFIRMS = "confirms"  # delete from the outbox without a confirm (breaks guarantee 2)
    OUTBOX = "outbox"  # write the messages in a second transaction (breaks guarantee 1)


@cache
def switched_off() -> frozenset[Sabotage]:
    """Return the protections that are off in this process.

    Raises ValueError for an unknown name.
    """
    names = [name.strip() for name in setting("SABOTAGE", "").split(",")]
    return frozenset(Sabotage(name) for name in names if name)


def inbox_class() -> type[Inbox]:
    """Return the inbox of this process, with its protections switched off."""
    off = switched_off()
    if Sabotage.OUTBOX in off:
        return ForgetfulDualWriteInbox if Sabotage.INBOX in off else DualWriteInbox
    return ForgetfulInbox if Sabotage.INBOX in off else Inbox


def publisher_class() -> type[Publisher]:
    """Return the publisher of this process, with its protection switched off."""
    return UnconfirmedPublisher if Sabotage.CONFIRMS in switched_off() else Publisher


class ForgetfulInbox(Inbox):
    """Applies duplicates, and messages in any order."""

    def _ready(self, work: UnitOfWork, deliveries: Sequence[Delivery]) -> list[Delivery]:
        envelopes = [delivery.envelope for delivery in deliveries]
        work.cursor.execute(
            RECORD_IDS_AGAIN,
            (work.now, [one.id for one in envelopes], [one.type for one in envelopes]),
        )
        last = {(one.source, one.subject): one.sequence for one in envelopes}
        work.cursor.execute(
            ADVANCE_REGARDLESS,
            (
                [source for source, _ in last],
                [subject for _, subject in last],
                list(last.values()),
                [work.now] * len(last),
            ),
        )
        return list(deliveries)


class DualWriteInbox(Inbox):
    """Commits the effects, and writes their messages in a second transaction."""

    def _commit(self, deliveries: Sequence[Delivery]) -> None:
        source = self._service.name
        with self._session.transaction() as connection:
            work = UnitOfWork(connection, source=source)
            applied = self._receive(work, deliveries)
        with self._session.transaction() as connection:
            apart = UnitOfWork(connection, source=source)
            apart.outgoing, apart.state = work.outgoing, work.state
            flush(apart)
        middleware.committed(apart)
        self._followed(applied)


class ForgetfulDualWriteInbox(ForgetfulInbox, DualWriteInbox):
    """Both."""


class UnconfirmedPublisher(Publisher):
    """Takes every message that it has sent for confirmed."""

    def _await_confirms(self) -> None:
        return
