"""The data that outlives the observer: outages and gauges, in the site's database.

That database is one of the things that are observed, so it may be away at any time: rows
that cannot be written are kept in memory and written when it is back. Each outage is kept
once, as it stands now, and of gauges the latest, so the memory needed has a bound. A row that
the database refuses for its content is dropped and logged, and delays no other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import psycopg

from cluster.health.observer.outages import Outage
from cluster.health.observer.snapshot import Snapshot
from cluster.secrets.postgres import Database, DatabaseSession, is_outage
from config import retention

logger = logging.getLogger(__name__)

# When the whole platform is stopped, the observer sees the first ends before its own. They
# are no outages, and none that is younger than this has been written by then.
YOUNG: Final = 2.0  # seconds
LOOK_EVERY: Final = 0.5  # seconds
RETRY_AFTER: Final = 1.0  # seconds
STATEMENT_PATIENCE: Final = 5.0  # seconds
MOST_GAUGES: Final = 6 * 360  # rows that wait: an hour of six services
PURGE_EVERY: Final = 600.0  # seconds

SAVE: Final = """
    INSERT INTO outage (id, process, service, cause, began, ended)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET cause = EXCLUDED.cause, began = EXCLUDED.began,
        ended = EXCLUDED.ended
"""
KNOWN: Final = """
    SELECT id, process, service, cause, extract(epoch FROM began)::float8,
           extract(epoch FROM ended)::float8
      FROM outage WHERE ended IS NULL OR ended > now() - make_interval(secs => %s) ORDER BY began
"""
# The fields of a service that its gauges repeat.
_OF_SERVICE: Final = (
    "outbox", "outbox_age_seconds", "parked", "dead_letters", "queue_depth",
    "published_per_second", "consumed_per_second",
)  # fmt: skip
GAUGE_COLUMNS: Final = (
    "at", "service", *_OF_SERVICE, "checkouts_per_second", "stream_lag_seconds"
)  # fmt: skip
SAVE_GAUGE: Final = (
    f"INSERT INTO gauge ({', '.join(GAUGE_COLUMNS)}) "  # noqa: S608  (names of our own)
    f"VALUES ({', '.join(['%s'] * len(GAUGE_COLUMNS))})"
)


def _seconds(window: timedelta) -> int:
    return int(window.total_seconds())


PURGE: Final = (
    f"DELETE FROM gauge WHERE at < now() - interval '{_seconds(retention.GAUGES)} s'",  # noqa: S608
    f"DELETE FROM outage WHERE began < now() - interval '{_seconds(retention.OUTAGES)} s'",  # noqa: S608
)


class Store:
    """Writes in a thread of its own, as the owner of the site's database."""

    def __init__(self, *, identity: str) -> None:
        self._database = Database("site", identity=identity)
        self._session = DatabaseSession(self._database, statement_timeout=STATEMENT_PATIENCE)
        self._lock = threading.Lock()
        self._outages: dict[Any, tuple[float, Outage]] = {}  # by id, with the time it came
        self._gauges: deque[tuple[Any, ...]] = deque(maxlen=MOST_GAUGES)
        self._purged_at = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._trouble = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write, once, all but the youngest outages, which may be due to our own stop, and stop."""
        self._stopping.set()
        self._thread.join(RETRY_AFTER)
        self._session.close()
        self._database.close()

    def save(self, outages: Iterable[Outage]) -> None:
        """Keep these outages as they stand now."""
        with self._lock:
            for outage in outages:
                came, _ = self._outages.get(outage.id, (time.monotonic(), None))
                self._outages[outage.id] = (came, outage)

    def save_gauges(self, snapshot: Snapshot) -> None:
        """Keep one row for each service whose outbox or queue is known."""
        with self._lock:
            self._gauges.extend(gauge_rows(snapshot))

    def known(self, *, lately: float) -> tuple[list[Outage], list[Outage]]:
        """Return the open outages, and those that ended in the last `lately` seconds.

        Raises psycopg.Error while the database is away.
        """
        with self._session.transaction() as connection:
            found = [
                Outage(
                    id=id_, process=process, service=service, cause=cause, began=began, ended=ended
                )
                for id_, process, service, cause, began, ended in connection.execute(
                    KNOWN, (lately,)
                ).fetchall()
            ]
        still_open = [outage for outage in found if outage.ended is None]
        return still_open, [outage for outage in found if outage.ended is not None]

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(LOOK_EVERY if self._write() else RETRY_AFTER)
        self._write()

    def _write(self) -> bool:
        """Write what is due, and return False when the database does not take it now."""
        outages, gauges = self._due()
        if not (outages or gauges):
            return True
        rows = [*((SAVE, _row(outage)) for outage in outages), *((SAVE_GAUGE, g) for g in gauges)]
        try:
            self._save(rows)
            self._forget(outages, len(gauges))
            self._purge_if_due()
        except psycopg.Error as error:
            self._note(str(error))
            return False
        self._note("")
        return True

    def _save(self, rows: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """Write rows, each by its statement, or raise psycopg.Error in an outage."""
        try:
            with self._session.transaction() as connection, connection.cursor() as cursor:
                for statement, together in groupby(rows, itemgetter(0)):
                    cursor.executemany(statement.encode(), [row for _, row in together])
        except psycopg.Error as error:
            if is_outage(error):
                raise
            if len(rows) == 1:
                logger.exception("this row cannot be kept, and is dropped: %s", rows[0][1])
                return
            for row in rows:
                self._save([row])

    def _purge_if_due(self) -> None:
        if time.monotonic() - self._purged_at > PURGE_EVERY:
            with self._session.transaction() as connection:
                for statement in PURGE:
                    connection.execute(statement.encode())
            self._purged_at = time.monotonic()

    def _due(self) -> tuple[list[Outage], list[tuple[Any, ...]]]:
        now = time.monotonic()
        with self._lock:
            due = [outage for came, outage in self._outages.values() if now - came >= YOUNG]
            return due, list(self._gauges)

    def _forget(self, outages: Sequence[Outage], gauges: int) -> None:
        with self._lock:
            for outage in outages:
                came, latest = self._outages[outage.id]
                if latest == outage:
                    del self._outages[outage.id]
                else:  # it has changed while it was written
                    self._outages[outage.id] = (came, latest)
            for _ in range(min(gauges, len(self._gauges))):
                self._gauges.popleft()

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self._trouble):
            logger.warning("outages wait in memory: %s", trouble) if trouble else logger.info(
                "outages are written again"
            )
        self._trouble = trouble


def gauge_rows(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    """Return a snapshot as rows of GAUGE_COLUMNS."""
    rows = []
    for service in snapshot.services:
        if service.outbox is None and service.queue_depth is None:
            continue
        site = service.name == "site"
        rows.append(
            (
                snapshot.at,
                service.name,
                *(getattr(service, name) for name in _OF_SERVICE),
                snapshot.rates.checkouts_per_second if site and snapshot.rates else None,
                snapshot.stream.lag_seconds if site and snapshot.stream else None,
            )
        )
    return rows


def _row(outage: Outage) -> tuple[Any, ...]:
    return (
        outage.id,
        outage.process,
        outage.service,
        outage.cause,
        _moment(outage.began),
        None if outage.ended is None else _moment(outage.ended),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
