"""One database's facts about its service: outbox, leases, heartbeats, dead letters, sagas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cluster.messaging.heartbeats import Heartbeat, heartbeats
from cluster.messaging.queries import Depths, counters, depths
from cluster.sagas.repository import count_by_state
from cluster.secrets.postgres import Connection, Cursor, database, is_outage
from cluster.storefront.admission import REFUSED, open_and_limit
from cluster.storefront.journal.queries import growth, newest_events

PATIENCE: Final = 6.0  # seconds for Vault to give credentials: longer than its own timeout
CONNECT_PATIENCE: Final = 3  # seconds
STATEMENT_PATIENCE: Final = 4.0  # seconds

# Logins that Vault made: members of a group that itself cannot log in.
LEASES: Final = """
    SELECT login.rolname, family.rolname,
           extract(epoch FROM login.rolvaliduntil - now())::float8,
           (SELECT count(*) FROM pg_stat_activity s WHERE s.usesysid = login.oid)
      FROM pg_roles login
      JOIN pg_auth_members m ON m.member = login.oid
      JOIN pg_roles family ON family.oid = m.roleid
     WHERE login.rolcanlogin AND NOT login.rolsuper AND login.rolvaliduntil IS NOT NULL
       AND family.rolname IN (
             %(name)s || '_service', %(name)s || '_owner', %(name)s || '_auditor',
             %(name)s || '_pages'
           )
     ORDER BY login.rolvaliduntil
"""
LATEST: Final = 20  # entries of the journal that must be readable


@dataclass(frozen=True, slots=True)
class LeasedRole:
    """A login that Vault made. `remaining` is in seconds, below 0 when it should be gone."""

    role: str
    member_of: str
    remaining: float
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
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
    stream: Mapping[str, float | None] | None = None  # the site's only
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
        cursor = connection.cursor()
        return Vitals(**facts(connection, name, depths(cursor), counters(cursor)))


def facts(
    connection: Connection,
    name: str,
    held: Depths,
    counted: Counter[str],
    count_sagas: Callable[[Cursor], Mapping[str, int]] = count_by_state,
) -> dict[str, Any]:
    """Return the fields of Vitals, of which the messaging's `depths` and `counters` are given."""
    cursor = connection.cursor()
    return {
        "outbox": held.outbox,
        "outbox_age": held.outbox_age,
        "parked": held.parked,
        "dead_letters": held.dead_letters,
        "dead_letters_waiting": held.dead_letters_waiting,
        "heartbeats": heartbeats(cursor),
        "leases": leases(cursor, name),
        "sagas": count_sagas(cursor) if name == "checkout" else None,
        "stream": stream(cursor, counted) if name == "site" else None,
        "unreadable": unreadable(connection) if name == "site" else "",
    }


def leases(cursor: Cursor, name: str) -> tuple[LeasedRole, ...]:
    """Return the logins that Vault has made in this database, the first to end at the top."""
    return tuple(LeasedRole(*row) for row in cursor.execute(LEASES, {"name": name}))


def stream(cursor: Cursor, counted: Counter[str]) -> dict[str, float | None]:
    """Return the journal's last seq, seconds since it grew, lag in seconds, and the admission.

    `counted` are the counters of the site's database.
    """
    open_now, limit = open_and_limit(cursor)
    return {
        **growth(cursor)._asdict(),
        "unfinished_checkouts": open_now,
        "checkout_limit": limit,
        "refused_checkouts": counted[REFUSED],
    }


def unreadable(connection: Connection) -> str:
    """Return why the stream cannot read the journal's newest entries, empty when it can."""
    try:
        with connection.transaction():
            newest_events(connection.cursor(), LATEST)
    except Exception as error:
        if is_outage(error):
            raise
        return " ".join(str(error).split())[:120] or type(error).__name__
    return ""
