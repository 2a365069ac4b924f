"""The logins of this process to the site's database, as PostgreSQL lists their sessions."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Self

import psycopg

from cluster.secrets.postgres import is_outage
from config import environment
from portfolio.demos.queries import read

SESSIONS: Final = """
    SELECT usename::text, count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = %s AND usename IS NOT NULL
     GROUP BY usename
"""
EVERY: Final = 0.1  # seconds between two reads


@dataclass(frozen=True, slots=True)
class Look:
    """The sessions of this process by login, read `at` seconds after the watch began."""

    at: float
    sessions: Counter[str]


@dataclass(slots=True)
class Watch:
    """A thread that reads the sessions every 0.1 s until its `with` block ends."""

    looks: list[Look] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="demo-logins", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        name = environment.setting("PROCESS_NAME", "site")
        while not self._end.wait(EVERY):
            try:
                rows = read("site", SESSIONS, name)
            except psycopg.Error as error:
                if not is_outage(error):
                    raise
                continue  # the database is away: there are no sessions to count
            self.looks.append(Look(time.monotonic() - began, Counter(dict(rows))))

    def of(self, login: str) -> list[Look]:
        """Return the reads that found sessions of a login."""
        return [look for look in self.looks if look.sessions[login]]
