"""Checkout's part in the erasure of a visitor: ended sagas lose the visitor and the card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psycopg.types.json import Jsonb

from cluster.checkout.contract import CheckoutVisitorErased
from cluster.checkout.definition import CHECKOUT
from cluster.identity.contract import ERASED_CARD, ErasureRequested
from cluster.messaging.envelope import Message
from cluster.messaging.work import UnitOfWork

# Locked in the order of their ids, like everywhere. Ended sagas have no deadline.
FORGET: Final = """
    WITH ended AS (
        SELECT id FROM saga
         WHERE id = ANY(%(checkouts)s) AND deadline IS NULL AND NOT context @> %(nobody)s
         ORDER BY id FOR UPDATE
    )
    UPDATE saga SET context = context || %(nobody)s FROM ended WHERE saga.id = ended.id
"""
# A saga of the visitor that identity does not know of yet counts as in flight too.
STANDING: Final = """
    SELECT (SELECT count(*) FROM saga WHERE id = ANY(%(checkouts)s)),
           EXISTS (SELECT FROM saga
                    WHERE deadline IS NOT NULL AND definition = %(definition)s
                      AND (id = ANY(%(checkouts)s) OR context->>'visitor' = %(visitor)s))
"""


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Write the pseudonym in the contexts, and answer unless a saga of the visitor is in flight.

    The steps of such a saga still need the card, and its messages name the visitor.
    """
    for message in messages:
        asked = message.payload
        names = {
            "checkouts": list(asked.checkouts),
            "visitor": asked.visitor,
            "definition": CHECKOUT.name,
            "nobody": Jsonb({"visitor": asked.pseudonym, "card": ERASED_CARD}),
        }
        work.cursor.execute(FORGET, names)
        rows, under_way = work.cursor.execute(STANDING, names).fetchone() or (0, False)
        if not under_way:
            work.reply(message, CheckoutVisitorErased(attempt=asked.attempt, rows=rows))
