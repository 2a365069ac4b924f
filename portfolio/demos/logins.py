"""The logins of this process to the site's database, as PostgreSQL lists their sessions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg

from cluster.secrets.postgres import Cursor, is_outage
from config import environment
from config.waiting import repeated
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
    """The reads of the sessions since the watch began."""

    looks: list[Look] = field(default_factory=list)

    def of(self, login: str) -> list[Look]:
        """Return the reads that found sessions of a login."""
        return [look for look in self.looks if look.sessions[login]]


@contextmanager
def watch() -> Iterator[Watch]:
    """Read the sessions every 0.1 s until the block ends."""
    watched = Watch()
    began = time.monotonic()
    name = environment.setting("PROCESS_NAME", "site")

    def look() -> None:
        try:
            sessions = read("site", _sessions, name)
        except psycopg.Error as error:
            if not is_outage(error):
                raise
            return  # the database is away: there are no sessions to count
        watched.looks.append(Look(time.monotonic() - began, sessions))

    with repeated(look, every=EVERY, name="demo-logins"):
        yield watched


def _sessions(cursor: Cursor, name: str) -> Counter[str]:
    return Counter(dict(cursor.execute(SESSIONS, (name,)).fetchall()))
