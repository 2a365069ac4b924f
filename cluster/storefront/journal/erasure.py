"""The site's part in the erasure of a visitor: it replaces the name in its tables and its journal.

The journal keeps every entry with its number, its time and its position in its stream. Only the
visitor and the card inside are replaced. An erasure that has ended, either way, leaves no name in
its own entries either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.identity.contract import (
    ERASED_CARD,
    ErasureCompleted,
    ErasureRefused,
    ErasureRequested,
)
from cluster.messaging.envelope import Message
from cluster.messaging.row_digest import rewritten
from cluster.messaging.work import UnitOfWork

# A refused erasure has no pseudonym, and its visitor's name is not needed any more.
NOBODY: Final = ""

FORGET_CHECKOUTS: Final = """
    UPDATE checkout_request r SET visitor = t.pseudonym, card = %s
      FROM unnest(%s::text[], %s::text[]) AS t (visitor, pseudonym)
     WHERE r.visitor = t.visitor
"""

# The results of a visitor's demos may hold their name, so the runs are deleted.
FORGET_DEMOS: Final = "DELETE FROM demo_run WHERE visitor = ANY (%s)"

# A key is the visitor's own words, and the answer kept with it names the action. The first key of a
# new visitor is kept under the address too, with the same answer.
FORGET_KEYS: Final = """
    DELETE FROM idempotency_key k USING idempotency_key own
     WHERE own.visitor = ANY (%s)
       AND k.key = own.key AND k.fingerprint = own.fingerprint AND k.body = own.body
"""

# The command that begins a family of tokens has the family's id as its correlation.
_RENAMED: Final = rewritten("jsonb_set(envelope, '{data,visitor}', to_jsonb(pseudonym))")
REDACT_TOKENS: Final = f"""
    UPDATE journal j
       SET {_RENAMED}
      FROM token_request r
      JOIN unnest(%s::text[], %s::text[]) AS t (visitor, pseudonym) ON r.visitor = t.visitor
     WHERE j.correlation = r.id AND envelope #> '{{data,visitor}}' IS NOT NULL
"""  # noqa: S608
DENY_TOKENS: Final = """
    INSERT INTO revoked_token (id, revoked_at)
    SELECT id, %s FROM token_request WHERE visitor = ANY (%s)
    ON CONFLICT (id) DO NOTHING
"""
FORGET_TOKENS: Final = "DELETE FROM token_request WHERE visitor = ANY (%s)"

# The product stays in the catalogue, and has no owner.
FORGET_PRODUCTS: Final = "DELETE FROM own_product WHERE visitor = ANY (%s)"

# The messages of a refund have the refund's id as their correlation.
_NAMELESS: Final = rewritten(
    """jsonb_set(CASE WHEN envelope #> '{data,card}' IS NULL THEN envelope
                      ELSE jsonb_set(envelope, '{data,card}', to_jsonb(erased_card)) END,
                 '{data,visitor}', to_jsonb(pseudonym))"""
)
REDACT_CHECKOUTS: Final = f"""
    WITH checkout AS (
        SELECT id, visitor AS pseudonym FROM checkout_request WHERE visitor = ANY(%s)
    ), saga AS (
        SELECT id AS saga_id, pseudonym FROM checkout
        UNION ALL
        SELECT r.id, pseudonym FROM refund_request r JOIN checkout ON checkout.id = r.order_id
    )
    UPDATE journal j
       SET {_NAMELESS}
      FROM saga, (SELECT %s::text AS erased_card) AS erased
     WHERE j.correlation = saga_id AND envelope #>> '{{data,visitor}}' <> pseudonym
"""  # noqa: S608

END: Final = """
    UPDATE erasure_request r
       SET visitor = t.pseudonym, status = %s, reason = t.reason, ended_at = t.at
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[])
        AS t (id, pseudonym, reason, at)
     WHERE r.id = t.id AND r.status = 'accepted'
"""
REDACT_ERASURES: Final = f"""
    UPDATE journal j
       SET {_RENAMED}
      FROM unnest(%s::uuid[], %s::text[]) AS t (id, pseudonym)
     WHERE j.correlation = t.id AND envelope #>> '{{data,visitor}}' <> t.pseudonym
"""  # noqa: S608


def forget_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]]) -> None:
    """Write the pseudonym in the visitor's requests and in the journal's entries of them."""
    pseudonyms = [message.payload.pseudonym for message in messages]
    visitors = [message.payload.visitor for message in messages]
    work.cursor.execute(FORGET_CHECKOUTS, (ERASED_CARD, visitors, pseudonyms))
    work.cursor.execute(REDACT_CHECKOUTS.encode(), (pseudonyms, ERASED_CARD))
    work.cursor.execute(FORGET_DEMOS, (visitors,))
    work.cursor.execute(REDACT_TOKENS.encode(), (visitors, pseudonyms))
    work.cursor.execute(DENY_TOKENS, (work.now, visitors))
    work.cursor.execute(FORGET_TOKENS, (visitors,))
    work.cursor.execute(FORGET_KEYS, (visitors,))
    work.cursor.execute(FORGET_PRODUCTS, (visitors,))


def complete_erasures(work: UnitOfWork, messages: Sequence[Message[ErasureCompleted]]) -> None:
    """Replace the name in the erasure itself, and in entries that were journalled meanwhile."""
    pseudonyms = [message.payload.pseudonym for message in messages]
    work.cursor.execute(REDACT_CHECKOUTS.encode(), (pseudonyms, ERASED_CARD))
    _end(work, messages, pseudonyms, [""] * len(messages), status="completed")


def refuse_erasures(work: UnitOfWork, messages: Sequence[Message[ErasureRefused]]) -> None:
    """Keep the reason, and the name with the visitor's checkouts only."""
    reasons = [message.payload.reason for message in messages]
    _end(work, messages, [NOBODY] * len(messages), reasons, status="refused")


def _end(
    work: UnitOfWork,
    messages: Sequence[Message[ErasureCompleted]] | Sequence[Message[ErasureRefused]],
    pseudonyms: list[str],
    reasons: list[str],
    *,
    status: str,
) -> None:
    ids = [message.subject_id for message in messages]
    times = [message.envelope.time for message in messages]
    work.cursor.execute(END, (status, ids, pseudonyms, reasons, times))
    work.cursor.execute(REDACT_ERASURES.encode(), (ids, pseudonyms))
