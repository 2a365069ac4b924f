"""PostgreSQL: `select 1` on an open connection, and the database's facts about its service.

The connection is the auditor's: it may read everything and write nothing. While Vault
gives no login, the server is asked whether it would accept one (PQping).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from cluster.health import vitals
from cluster.health.probes.probe import (
    LOGIN_PATIENCE,
    Answer,
    NothingLearnt,
    ProbeFailed,
    TimedOut,
)
from cluster.health.vitals import Vitals
from cluster.messaging import queries
from cluster.messaging.relay import ADVISORY_LOCK
from cluster.sagas.repository import count_by_state
from cluster.secrets.postgres import Connection, Cursor, Database, DatabaseUnavailable, is_outage
from cluster.secrets.vault import SecretsError
from cluster.storefront.journal.queries import arrivals, last_seq
from cluster.storefront.journal.recorder import DUPLICATES
from config.environment import database_url

logger = logging.getLogger(__name__)

DEEPER_EVERY: Final = 2.5  # seconds
# Counting every saga reads the whole table, so it is done for the total only now and then.
SAGAS_EVERY: Final = 10.0  # seconds
CONNECT_PATIENCE: Final = 2  # seconds, the least that libpq takes
STATEMENT_PATIENCE: Final = 4.0  # seconds
MOST_ENTRIES: Final = 20_000  # of the journal, read at once after an absence

# A relay at work holds this lock on a connection that carries its name.
RELAYS: Final = """
    SELECT DISTINCT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = %s
       AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths(Vitals):
    """The facts of one database at the moment `at`, in seconds of the epoch."""

    at: float
    published: int  # messages that have ever left the outbox, and some gaps
    applied_lately: int  # messages of the last ten seconds
    relays: frozenset[str]  # the processes that hold the relay's lock
    deduplicated: int = 0  # messages that came again, since the database was made
    journalled: Mapping[str, int] = field(default_factory=dict)  # since last time, by type
    newest: Mapping[str, tuple[int, UUID]] = field(default_factory=dict)  # of those: seq and id
    with_effect: UUID | None = None  # the awaited message, if it has had an effect


class DatabaseProbe:
    """Asks one database, as `identity`."""

    def __init__(self, name: str, *, identity: str) -> None:
        self.name = name
        self.target = f"postgres-{name}"
        self.hurried = False  # set it to run the deeper queries with every question
        self.awaited: UUID | None = None  # set it to look for a message
        self._holder = Database(name, identity=identity, auditor=True)
        self._connection: Connection | None = None
        self._deeper_at = 0.0  # monotonic seconds
        self._sagas: Mapping[str, int] | None = None
        self._sagas_at = 0.0
        self._seq: int | None = None
        self._unreadable = False  # the last deeper queries met a row that cannot be read

    @property
    def holder(self) -> Database:
        """Its read-only login, for other readers in the observer."""
        return self._holder

    def ask(self) -> Answer:
        """Run `select 1`, and return an answer with a Depths when that was due, else with None."""
        connection = self._connected()
        started = time.perf_counter()
        try:
            connection.execute("select 1").fetchone()
            milliseconds = 1000 * (time.perf_counter() - started)
            return Answer(milliseconds, self._looked_deeper(connection))
        except psycopg.errors.QueryCanceled:
            raise TimedOut(f"a read took longer than {STATEMENT_PATIENCE:.0f} s") from None
        except psycopg.Error as error:
            self.close()
            raise ProbeFailed(in_words(error)) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is not None and not self._holder.is_current(self._connection):
            self.close()
        if self._connection is None:
            self._require_login()
            try:
                self._connection = self._holder.connect(
                    autocommit=True,
                    statement_timeout=STATEMENT_PATIENCE,
                    connect_timeout=CONNECT_PATIENCE,
                )
            except DatabaseUnavailable as error:
                if isinstance(error.__cause__, SecretsError):
                    raise NothingLearnt("Vault gives no login") from error
                raise ProbeFailed(in_words(error)) from error
        return self._connection

    def _require_login(self) -> None:
        try:
            self._holder.current(patience=LOGIN_PATIENCE)
        except SecretsError as error:
            self._ping()
            raise NothingLearnt("it accepts connections, and Vault gives no login") from error

    def _ping(self) -> None:
        conninfo = make_conninfo(database_url(self.name), connect_timeout=CONNECT_PATIENCE)
        if pq.PGconn.ping(conninfo.encode()) is not pq.Ping.OK:
            raise ProbeFailed("it accepts no connections")

    def _is_due(self) -> bool:
        return self.hurried or time.monotonic() >= self._deeper_at

    def _looked_deeper(self, connection: Connection) -> Depths | None:
        """Return the database's facts about its service, or None if not due or not readable.

        A row that cannot be read is no fault of the server, which has answered.
        """
        if not self._is_due():
            return None
        try:
            depths = self._depths(connection)
        except Exception as error:
            if is_outage(error):
                raise
            if not self._unreadable:
                logger.exception("%s answers, and its depths cannot be read", self.target)
            self._unreadable = True
            return None
        self._unreadable = False
        return depths

    def _depths(self, connection: Connection) -> Depths:
        self._deeper_at = time.monotonic() + DEEPER_EVERY
        # The clock of the transaction, from which PostgreSQL computes ages.
        at = time.time()
        with connection.transaction():
            cursor = connection.cursor()
            held = queries.depths(cursor)
            counted = queries.counters(cursor)
            relays = cursor.execute(RELAYS, (ADVISORY_LOCK,)).fetchall()
            journalled, newest = self._journalled(cursor) if self.name == "site" else ({}, {})
            return Depths(
                **vitals.facts(connection, self.name, held, counted, self._counted_sagas),
                at=at,
                published=held.written - held.outbox,
                applied_lately=queries.applied_lately(cursor),
                relays=frozenset(name for (name,) in relays),
                deduplicated=counted["deduplicated"] + counted[DUPLICATES],
                journalled=journalled,
                newest=newest,
                with_effect=self._with_effect(cursor),
            )

    def _counted_sagas(self, cursor: Cursor) -> Mapping[str, int]:
        now = time.monotonic()
        if self._sagas is None or now >= self._sagas_at:
            self._sagas, self._sagas_at = count_by_state(cursor), now + SAGAS_EVERY
        return self._sagas

    def _with_effect(self, cursor: Cursor) -> UUID | None:
        awaited = self.awaited  # another thread sets it
        return awaited if awaited and queries.has_effect(cursor, awaited) else None

    def _journalled(self, cursor: Cursor) -> tuple[dict[str, int], dict[str, tuple[int, UUID]]]:
        """Return the number of messages that the journal has got since last time, and the newest.

        Both by type.
        """
        if self._seq is None:
            self._seq = last_seq(cursor)
            return {}, {}
        found = arrivals(cursor, after=self._seq, most=MOST_ENTRIES)
        self._seq = max([self._seq, *(one.seq for one in found)])
        counts = {one.type: one.number for one in found}
        return counts, {one.type: (one.seq, one.message_id) for one in found}


def in_words(error: psycopg.Error) -> str:
    """Return the message of PostgreSQL or libpq, without the address and the preamble."""
    text = " ".join(str(error).split())
    for sign, words in (
        ("Connection refused", "it refuses connections"),
        ("starting up", "it is starting up"),
        ("in recovery", "it is recovering"),
        ("shutting down", "it is shutting down"),
        ("closed the connection", "it cut the connection"),
        ("terminating connection", "it cut the connection"),
        ("timeout expired", "it does not answer"),
    ):
        if sign in text:
            return words
    return text[:120]
