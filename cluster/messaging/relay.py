"""The relay: takes messages from one database's outbox to the broker, in commit order.

It reads a batch in the order of its ids, publishes it, waits for the confirms, and deletes the
confirmed rows. A row that is still there has not been delivered. A crash between confirm and delete
sends it again, and the inbox recognises it. A broker outage costs delay and nothing else: there is
no retry budget. A row that no broker can take becomes a dead letter (`unpublishable.py`), and its
neighbours are sent. A row whose queue is missing or full waits, with those behind it of its
subject, and the relay reads on past them: however many wait, they hold up no other subject.

One relay of a database is active at a time, by an advisory lock; a second one stands by. Two active
ones (SKIP LOCKED) would each take half of an aggregate's messages and could send them in either
order (docs/adr/0001).
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg

from cluster.messaging.middleware import Middleware, active
from cluster.messaging.outbox import CHANNEL, NO_ROW
from cluster.messaging.publisher import (
    BrokerRefuses,
    BrokerUnavailable,
    NotJournalled,
    OutboxRow,
    Publisher,
    Unpublishable,
)
from cluster.messaging.unpublishable import file_unpublishable
from cluster.secrets.postgres import Database, is_outage
from config.waiting import back_off

logger = logging.getLogger(__name__)

BATCH: Final = 500
# Seconds. NOTIFY wakes the relay within milliseconds. This slow sweep finds the rows of a lost
# notification, and is also the interval at which heartbeats are answered.
SWEEP: Final = 1.0
# Seconds until rows that wait are sent again: the pause grows, since each attempt may reach some of
# a message's queues once more.
LONGEST_SWEEP: Final = 5.0
# Seconds to wait after the database or the broker was unreachable: short at first, since most
# outages end within seconds, and never longer than a second.
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
ADVISORY_LOCK: Final = 0x0D0B0C

# Past the rows that wait, and without those that faults hold back.
READ_BATCH: Final = """
    SELECT id, message_id::text, destination, routing_key, subject, body
      FROM outbox WHERE id > %s AND id <> ALL(%s::bigint[]) ORDER BY id LIMIT %s
"""
DELETE_SENT: Final = "DELETE FROM outbox WHERE id = ANY(%s)"


class Relay:
    """Drains one outbox until it is stopped.

    `broker_url` is called for each connection. `source` is the service whose outbox it is: by
    default the one that the database is named after. `middleware` is beside that of the process.
    """

    def __init__(
        self,
        database: Database,
        broker_url: Callable[[], str],
        *,
        source: str = "",
        publisher: Callable[[str], Publisher] = Publisher,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        self._database = database
        self._source = source or database.name
        self._broker_url = broker_url
        self._connection: psycopg.Connection[Any] | None = None
        self._make_publisher = publisher
        self._publisher: Publisher | None = None
        self._middleware = (*middleware, *active())
        self._backlog = _Backlog()
        self._unjournalled: OutboxRow | None = None
        self._stopping = False

    def stop(self) -> None:
        """Finish the batch in hand, then return from `run`."""
        self._stopping = True

    def run(self) -> None:
        """Relay until `stop`, waiting out every failure of a server."""
        failures = 0
        while not self._stopping:
            try:
                if not self._lead():
                    continue
                if self._drain() == 0:
                    self._wait()
                failures = 0
            except (psycopg.Error, BrokerUnavailable) as error:
                if isinstance(error, BrokerUnavailable) or is_outage(error):
                    # A right that is refused stays so until a person mends it.
                    is_refused = isinstance(error, BrokerRefuses)
                    logger.log(
                        logging.ERROR if is_refused else logging.WARNING, "waiting: %s", error
                    )
                else:  # no message caused it, so the relay can only wait
                    logger.exception("waiting, for a reason that is no outage")
                self._abandon(error)
                failures += 1
                time.sleep(back_off(failures, first=FIRST_PAUSE, longest=LONGEST_PAUSE))
        self._disconnect()

    def _lead(self) -> bool:
        """Hold the current credentials, the advisory lock and a LISTEN, and return True.

        Return False after a second in which another relay held the lock (standing by).
        """
        if self._connection is not None and self._database.is_current(self._connection):
            return True
        connection = self._database.connect(autocommit=True)
        # Called whenever the connection reads, so also while a backlog keeps the relay busy.
        connection.add_notify_handler(self._on_notify)
        for channel in (CHANNEL, *(one.channel for one in self._middleware if one.channel)):
            connection.execute(f"LISTEN {channel}".encode())
        # The old connection ends only now, so that no notification falls between the two.
        self._drain_notifications()
        try:
            connection.execute("SET lock_timeout = '1s'")
            connection.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        except psycopg.errors.LockNotAvailable:
            connection.close()
            return False
        connection.execute("RESET lock_timeout")
        self._connection = connection
        return True

    def _drain(self) -> int:
        """Read one batch, send what may go, and return the number of rows that were read."""
        if not self._is_journalled():
            return 0
        rows = self._read()
        ready = self._backlog.ready(rows)
        to_send = ready
        for one in self._middleware:
            to_send = one.replace(to_send)
        try:
            sent = set(self._send(to_send)) if to_send else set()
        except NotJournalled as error:
            logger.warning("everything stays in the outbox: %s", error)
            self._unjournalled = error.row
            return 0
        held_back = {row.id for row in ready} - {row.id for row in to_send}
        self._backlog.settle(rows, sent | held_back)
        return len(rows)

    def _is_journalled(self) -> bool:
        """Return whether the journal hears what is published.

        After it did not, the row that showed it is sent alone until it is routed: the others have
        queues to which they would go again and again.
        """
        if self._unjournalled is not None:
            try:
                self._send([self._unjournalled])
            except NotJournalled:
                return False
            self._unjournalled = None
        return True

    def _read(self) -> list[OutboxRow]:
        assert self._connection is not None
        held_back = [row for one in self._middleware for row in one.held_back()]
        # In binary, since bodies in text form are twice as long, in hexadecimal.
        cursor = self._connection.execute(
            READ_BATCH.encode(), (self._backlog.passed, held_back, BATCH), binary=True
        )
        return [OutboxRow(*row) for row in cursor]

    def _send(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Publish rows, delete the confirmed ones and return the ids of the rows that have left."""
        assert self._connection is not None
        filed: list[int] = []
        try:
            sent = self._publish(rows)
        except Unpublishable as error:
            logger.warning("one by one, since the batch cannot be published: %s", error)
            sent, filed = self._publish_singly(rows)
        confirmed_at = time.time_ns()
        self._connection.execute(DELETE_SENT, (sent,))
        confirmed = set(sent)
        bodies = [row.body for row in rows if row.id in confirmed]
        for one in self._middleware:
            one.published(bodies, confirmed_at)
        return sent + filed

    def _publish_singly(self, rows: Sequence[OutboxRow]) -> tuple[list[int], list[int]]:
        """Publish each row alone and return the ids confirmed and the ids filed as dead letters."""
        assert self._connection is not None
        sent: list[int] = []
        filed: list[int] = []
        for row in rows:
            try:
                sent += self._publish([row])
            except Unpublishable as error:
                logger.warning("row %d of the outbox becomes a dead letter: %s", row.id, error)
                if row.id != NO_ROW:  # a copy has no row that could be filed
                    file_unpublishable(self._connection, self._source, row, error)
                filed.append(row.id)
        return sent, filed

    def _publish(self, rows: Sequence[OutboxRow]) -> list[int]:
        if self._publisher is None:
            self._publisher = self._make_publisher(self._broker_url())
        try:
            return self._publisher.publish(rows)
        except Unpublishable:
            self._close_publisher()
            raise

    def _wait(self) -> None:
        """Sleep until a commit notifies, the broker sends a frame, or the sweep is due."""
        assert self._connection is not None
        watched: list[Any] = [self._connection]
        if self._publisher is not None:
            watched.append(self._publisher.socket)
        # The backlog is read after this, so one drain answers all its notifications.
        patience = SWEEP
        for one in self._middleware:
            patience = one.patience(patience)
        select.select(watched, [], [], patience)
        if self._publisher is not None:
            self._publisher.keep_alive()

    def _on_notify(self, notification: psycopg.Notify) -> None:
        for one in self._middleware:
            if one.channel == notification.channel:
                one.notified(notification.payload)

    def _drain_notifications(self) -> None:
        """Read the notifications that the old connection has received, then close it."""
        if self._connection is not None:
            with suppress(psycopg.Error):  # its login may be gone
                self._connection.execute("SELECT 1")
        self._disconnect_database()

    def _abandon(self, error: Exception) -> None:
        """Drop the connection that failed, and keep the other one."""
        if isinstance(error, BrokerUnavailable):
            self._close_publisher()
        else:
            self._disconnect_database()

    def _disconnect(self) -> None:
        self._close_publisher()
        self._disconnect_database()

    def _close_publisher(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    def _disconnect_database(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Backlog:
    """The rows that were tried and wait: how far they reach, and which ones come after them.

    After a pause it forgets them, and everything is tried again from the first row.
    """

    def __init__(self) -> None:
        self._passed = 0
        self._streams: set[tuple[str, str]] = set()
        self._attempts = 0
        self._again_at = 0.0

    @property
    def passed(self) -> int:
        """The id up to which rows are not read now, 0 when none waits or the pause is over."""
        if self._passed and time.monotonic() >= self._again_at:
            self._passed = 0
            self._streams.clear()
        return self._passed

    def ready(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """Return the rows without those of which an earlier one of the same subject waits."""
        return [row for row in rows if _stream(row) not in self._streams]

    def settle(self, rows: Sequence[OutboxRow], gone: Collection[int]) -> None:
        """Note the rows of a batch that are still there, and pass by the batch if there are any."""
        waiting = [row for row in rows if row.id not in gone]
        if waiting:
            if not self._passed:
                self._attempts += 1
                pause = back_off(self._attempts, first=SWEEP, longest=LONGEST_SWEEP)
                self._again_at = time.monotonic() + pause
            self._passed = rows[-1].id
            self._streams.update(_stream(row) for row in waiting if row.subject)
        elif not self._passed:
            self._attempts = 0


def _stream(row: OutboxRow) -> tuple[str, str]:
    """Return the key of the messages that go out in order: of one subject, to all or one queue."""
    return row.destination, row.subject
