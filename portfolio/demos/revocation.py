"""A lease that a demo takes, uses and revokes, and the end of its session and of its login."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import psycopg

from cluster.secrets.leases import Credentials
from cluster.secrets.postgres import Database, DatabaseSession, DatabaseUnavailable
from cluster.secrets.vault import VaultClient
from config.waiting import wait_until

GIVE_UP_AFTER: Final = 8.0  # seconds
EVERY: Final = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class Revoked:
    """The effects of a revocation. `answered` and `recovered` are seconds from its request.

    They end when Vault has answered, and when a transaction with a new login is committed.
    """

    old: str
    new: str
    answered: float
    recovered: float | None
    session: str  # PostgreSQL's answer to the old session, empty when it went on
    login: str  # PostgreSQL's answer to another login attempt, empty when it succeeded


def revoke_own_lease() -> Revoked:
    """Lease a login, work with it, revoke it, and work on. Raises SecretsError or psycopg.Error."""
    holder = Database("site")
    session = DatabaseSession(holder)
    try:
        old = holder.current()
        _work(session)
        with holder.connect(autocommit=True) as idle:
            wished = time.monotonic()
            vault = VaultClient(identity=holder.identity)
            vault.revoke_lease(old.lease_id or "")
            answered = time.monotonic() - wished
            said_to_session = _said_to(idle)
        recovered = _recover(session, wished)
        return Revoked(
            old=old.username,
            new=holder.current().username,
            answered=answered,
            recovered=recovered,
            session=said_to_session,
            login=_shown_to_login(holder, old),
        )
    finally:
        session.close()
        holder.close()


def _work(session: DatabaseSession) -> str:
    """Run one transaction, and return the login that ran it."""
    with session.transaction() as connection:
        row = connection.execute("SELECT session_user::text").fetchone()
    return str(row[0]) if row else ""


def _recover(session: DatabaseSession, since: float) -> float | None:
    def works() -> bool:
        try:
            _work(session)
        except DatabaseUnavailable:
            return False
        return True

    within = since + GIVE_UP_AFTER - time.monotonic()
    return time.monotonic() - since if wait_until(works, within=within, every=EVERY) else None


def _said_to(connection: psycopg.Connection[object]) -> str:
    try:
        connection.execute("SELECT 1")
    except psycopg.Error as error:
        return _first_line(error)
    return ""


def _shown_to_login(holder: Database, credentials: Credentials) -> str:
    try:
        with psycopg.connect(
            **holder.connection_parameters(),
            user=credentials.username,
            password=credentials.password,
        ):
            return ""
    except psycopg.OperationalError as error:
        return _first_line(error)


def _first_line(error: Exception) -> str:
    """Return the server's message, without its address and the login."""
    line = (str(error).strip().splitlines() or [""])[0]
    said = line.rpartition("FATAL:")[2].strip() or line
    return said.partition(" for user ")[0]  # the table names the login
