"""The handlers of identity for tokens: grant, exchange, revoke.

They receive hashes, never a secret. The site chooses the family (the subject), signs granted
tokens, and refuses revoked ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from cluster.identity.contract import (
    IssueToken,
    RefreshToken,
    RevokeToken,
    TokenGranted,
    TokenRefused,
    TokenRevoked,
)
from cluster.identity.domain.tokens import COPIED, Family, FamilyState, new_family
from cluster.messaging.envelope import Message
from cluster.messaging.row_digest import digest_of
from cluster.messaging.work import UnitOfWork

PER_RUN: Final = 500

LOCK: Final = """
    SELECT id, visitor, refresh_hash, ends_at, state, used FROM token_family
     WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
FAMILY_DIGEST: Final = digest_of(
    "id", "visitor", "refresh_hash", "extract(epoch FROM ends_at)", "state", "used"
)
SAVE: Final = f"""
    INSERT INTO token_family (id, visitor, refresh_hash, ends_at, state, used, updated_at, digest)
    SELECT family.*, {FAMILY_DIGEST}
      FROM (VALUES (%s::uuid, %s::text, %s::text, %s::timestamptz, %s::text, %s::text[],
                    %s::timestamptz))
        AS family (id, visitor, refresh_hash, ends_at, state, used, updated_at)
    ON CONFLICT (id) DO UPDATE
       SET refresh_hash = EXCLUDED.refresh_hash, state = EXCLUDED.state, used = EXCLUDED.used,
           updated_at = EXCLUDED.updated_at, digest = EXCLUDED.digest
"""  # noqa: S608
PURGE: Final = """
    DELETE FROM token_family
     WHERE id IN (SELECT id FROM token_family WHERE ends_at < %s ORDER BY ends_at LIMIT %s)
"""


def issue_token(work: UnitOfWork, messages: Sequence[Message[IssueToken]], /) -> None:
    """Begin a family, and refuse when one of this id exists already."""
    known = _lock(work, [message.subject_id for message in messages])
    for message in messages:
        asked = message.payload
        if message.subject_id in known:
            refused = TokenRefused(jti=asked.jti, reason="the family of tokens exists already")
            work.reply(message, refused)
            continue
        _save(work, message.subject_id, new_family(asked.visitor, asked.refresh_hash, work.now))
        work.reply(message, TokenGranted(jti=asked.jti))


def refresh_token(work: UnitOfWork, messages: Sequence[Message[RefreshToken]], /) -> None:
    """Exchange a secret or refuse, and end the family of one that comes a second time."""
    known = _lock(work, [message.subject_id for message in messages])
    for message in messages:
        asked = message.payload
        before = known.get(message.subject_id)
        if before is None:
            unknown = TokenRefused(jti=asked.jti, reason="the refresh token is unknown")
            work.reply(message, unknown)
            continue
        family, refusal = before.refresh(asked.presented_hash, asked.refresh_hash, work.now)
        _save(work, message.subject_id, family)
        if refusal == COPIED:
            work.reply(message, TokenRevoked(reason=refusal))
        if refusal:
            work.reply(message, TokenRefused(jti=asked.jti, reason=refusal))
        else:
            work.reply(message, TokenGranted(jti=asked.jti))


def revoke_token(work: UnitOfWork, messages: Sequence[Message[RevokeToken]], /) -> None:
    """End a family that is active, and leave one that is unknown or has ended as it is."""
    known = _lock(work, [message.subject_id for message in messages])
    for message in messages:
        before = known.get(message.subject_id)
        if before is not None and before.state is FamilyState.ACTIVE:
            _save(work, message.subject_id, before.revoke())
            work.reply(message, TokenRevoked(reason=message.payload.reason))


def purge_tokens(work: UnitOfWork) -> None:
    """Delete families whose time for exchanges has passed, a few at a time."""
    work.cursor.execute(PURGE, (work.now, PER_RUN))


def _lock(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Family]:
    work.cursor.execute(LOCK, (list(ids),))
    return {
        id_: Family(visitor, current, ends_at, FamilyState(state), frozenset(used))
        for id_, visitor, current, ends_at, state, used in work.cursor.fetchall()
    }


def _save(work: UnitOfWork, identifier: UUID, family: Family) -> None:
    work.cursor.execute(
        SAVE.encode(),
        (
            identifier,
            family.visitor,
            family.current,
            family.ends_at,
            family.state.value,
            sorted(family.used),
            work.now,
        ),
    )
