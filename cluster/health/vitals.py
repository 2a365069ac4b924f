"""One database's facts about its service: outbox, leases, heartbeats, dead letters, sagas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from cluster.secrets.postgres import database, is_outage
from cluster.storefront.journal.readable import COLUMNS, presented

PATIENCE: Final = 6.0  # seconds for Vault to give credentials: longer than its own timeout
CONNECT_PATIENCE: Final = 3  # seconds
STATEMENT_PATIENCE: Final = 4.0  # seconds

DEPTHS: Final = """
    SELECT (SELECT count(*) FROM outbox),
           (SELECT extract(epoch FROM now() - min(created_at)) FROM outbox)::float8,
           (SELECT count(*) FROM parked),
           (SELECT count(*) FROM dead_letter),
           (SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL)
"""
HEARTBEATS: Final = """
    SELECT process, extract(epoch FROM now() - beat_at)::float8, consuming, detail
      FROM heartbeat ORDER BY process
"""
# Logins that Vault made: members of the owner or the auditor, which themselves cannot log in.
LEASES: Final = """
    SELECT login.rolname, family.rolname,
           extract(epoch FROM login.rolvaliduntil - now())::float8,
           (SELECT count(*) FROM pg_stat_activity s WHERE s.usesysid = login.oid)
      FROM pg_roles login
      JOIN pg_auth_members m ON m.member = login.oid
      JOIN pg_roles family ON family.oid = m.roleid
     WHERE login.rolcanlogin AND NOT login.rolsuper AND login.rolvaliduntil IS NOT NULL
       AND family.rolname IN (%(name)s || '_owner', %(name)s || '_auditor')
     ORDER BY login.rolvaliduntil
"""
SAGAS: Final = "SELECT state, count(*) FROM saga GROUP BY state ORDER BY state"
STREAM: Final = """
    SELECT coalesce(max(seq), 0),
           extract(epoch FROM now() - max(recorded_at))::float8,
           percentile_cont(0.5) WITHIN GROUP (
               ORDER BY extract(epoch FROM recorded_at - time))::float8
      FROM (SELECT seq, recorded_at, time FROM journal ORDER BY seq DESC LIMIT 100) AS latest
"""
NEWEST: Final = f"SELECT {COLUMNS} FROM journal ORDER BY seq DESC LIMIT 20"  # noqa: S608
# The checkouts that are open, the limit of those, and the number refused because of it.
ADMISSION: Final = """
    SELECT (SELECT count(*) FROM checkout_request WHERE status = 'accepted'),
           (SELECT checkout_limit FROM admission),
           (SELECT coalesce(sum(value), 0)::bigint FROM counter WHERE name = 'refused_checkouts')
"""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last heartbeat of a process. `age` is in seconds."""

    process: str
    age: float
    consuming: bool
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeasedRole:
    """A login that Vault made. `remaining` is in seconds, below 0 when it should be gone."""

    role: str
    member_of: str
    remaining: float
    sessions: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """One database's facts. Ages are in seconds. None: there is nothing of that kind."""

    outbox: int
    outbox_age: float | None
    parked: int
    dead_letters: int
    dead_letters_waiting: int
    heartbeats: tuple[Heartbeat, ...]
    leases: tuple[LeasedRole, ...]
    sagas: Mapping[str, int] | None = None  # checkout's only
    stream: Mapping[str, float | None] | None = field(default=None)  # the site's only
    unreadable: str = ""  # the site's only: why its newest entries cannot be read


def read_vitals(name: str) -> Vitals:
    """Return one database's facts, read as its auditor.

    Raises DatabaseUnavailable or SecretsError in seconds.
    """
    holder = database(name, auditor=True)
    holder.current(patience=PATIENCE)
    with holder.connect(
        statement_timeout=STATEMENT_PATIENCE, connect_timeout=CONNECT_PATIENCE
    ) as connection:
        return Vitals(
            **depths(connection),
            heartbeats=heartbeats(connection),
            leases=leases(connection, name),
            sagas=sagas(connection) if name == "checkout" else None,
            stream=stream(connection) if name == "site" else None,
            unreadable=unreadable(connection) if name == "site" else "",
        )


def depths(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return the counts of outbox, parked messages and dead letters: the first fields of Vitals."""
    row = connection.execute(DEPTHS).fetchone()
    assert row is not None, "an aggregate has a row"
    names = ("outbox", "outbox_age", "parked", "dead_letters", "dead_letters_waiting")
    return dict(zip(names, row, strict=True))


def heartbeats(connection: psycopg.Connection[Any]) -> tuple[Heartbeat, ...]:
    """Return the last heartbeat of each process of the service."""
    return tuple(Heartbeat(*row) for row in connection.execute(HEARTBEATS).fetchall())


def leases(connection: psycopg.Connection[Any], name: str) -> tuple[LeasedRole, ...]:
    """Return the logins that Vault has made in this database, the first to end at the top."""
    return tuple(LeasedRole(*row) for row in connection.execute(LEASES, {"name": name}).fetchall())


def sagas(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Return the number of sagas in each state, in checkout's database."""
    return dict(connection.execute(SAGAS).fetchall())


def stream(connection: psycopg.Connection[Any]) -> dict[str, float | None]:
    """Return the journal's last seq, seconds since it grew, lag in seconds, and the admission."""
    row = connection.execute(STREAM).fetchone()
    admission = connection.execute(ADMISSION).fetchone()
    assert row is not None, "an aggregate has a row"
    assert admission is not None, "a query of values has a row"
    names = ("unfinished_checkouts", "checkout_limit", "refused_checkouts")
    return dict(zip(("seq", "age", "lag", *names), (*row, *admission), strict=True))


def unreadable(connection: psycopg.Connection[Any]) -> str:
    """Return why the stream cannot read the journal's newest entries, empty when it can."""
    try:
        with connection.transaction():
            for row in connection.execute(NEWEST).fetchall():
                presented(row)
    except Exception as error:
        if is_outage(error):
            raise
        return " ".join(str(error).split())[:120] or type(error).__name__
    return ""
