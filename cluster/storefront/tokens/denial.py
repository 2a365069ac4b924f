"""The deny list and its purge, which the site's worker uses too, without Django."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import Cursor

PER_RUN: Final = 1_000
# An access token lives for five minutes, so one that was revoked longer ago has expired.
DENIED: Final = timedelta(minutes=10)
KNOWN: Final = timedelta(days=8)  # a family's visitor; a family lives for seven days at most

REQUEST: Final = """
    INSERT INTO token_request (id, visitor, requested_at) VALUES (%s, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""
DENY: Final = """
    INSERT INTO revoked_token (id, revoked_at) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING
"""
REVOKED: Final = "SELECT id, revoked_at FROM revoked_token WHERE id = ANY (%s) ORDER BY revoked_at"
VISITOR: Final = "SELECT visitor FROM token_request WHERE id = %s"
PURGE_DENIED: Final = """
    DELETE FROM revoked_token
     WHERE id IN (SELECT id FROM revoked_token WHERE revoked_at < %s LIMIT %s)
"""
PURGE_REQUESTS: Final = """
    DELETE FROM token_request
     WHERE id IN (SELECT id FROM token_request WHERE requested_at < %s LIMIT %s)
"""


def deny(work: UnitOfWork, identifier: UUID, at: datetime) -> None:
    """Refuse a token or a family from this commit on."""
    work.cursor.execute(DENY, (identifier, at))


def denied(cursor: Cursor, ids: Collection[UUID]) -> list[tuple[UUID, datetime]]:
    """Return which of these tokens or families are refused, and since when."""
    return cursor.execute(REVOKED, (list(ids),)).fetchall()


def visitor_of_family(work: UnitOfWork, family: UUID) -> str | None:
    """Return the visitor of a family of tokens, or None when it is unknown or forgotten."""
    found = work.cursor.execute(VISITOR, (family,)).fetchone()
    return None if found is None else str(found[0])


def purge_tokens(work: UnitOfWork) -> None:
    """Delete old rows of the deny list and old token requests, a few at a time."""
    work.cursor.execute(PURGE_DENIED, (work.now - DENIED, PER_RUN))
    work.cursor.execute(PURGE_REQUESTS, (work.now - KNOWN, PER_RUN))
