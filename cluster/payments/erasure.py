"""Payments' part in the erasure of a visitor: no card is kept, and refunds get the pseudonym.

The ledger stays as it is: it holds payments and amounts, not people. The provider itself is
responsible for its own data of customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.identity.contract import ERASED_CARD, ErasureRequested
from cluster.messaging.envelope import Message
from cluster.messaging.work import UnitOfWork
from cluster.payments.contract import PaymentsVisitorErased

# Locked in the order of their ids, like everywhere. A payment has the id of its checkout. Only the
# request to authorise needs the card, and it carries its own copy.
FORGET_CARDS: Final = """
    WITH carded AS (
        SELECT id FROM payment WHERE id = ANY(%(checkouts)s) AND card <> %(card)s
         ORDER BY id FOR UPDATE
    )
    UPDATE payment SET card = %(card)s FROM carded WHERE payment.id = carded.id
"""
RENAME_REFUNDS: Final = """
    UPDATE refund SET visitor = %(pseudonym)s
     WHERE order_id = ANY(%(checkouts)s) AND visitor <> %(pseudonym)s
"""
STANDING: Final = """
    SELECT (SELECT count(*) FROM payment WHERE id = ANY(%(checkouts)s))
         + (SELECT count(*) FROM refund WHERE order_id = ANY(%(checkouts)s)),
           EXISTS (SELECT FROM provider_request WHERE payment = ANY(%(checkouts)s))
"""


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Forget the cards, rename the refunds, and answer unless a request to the provider waits.

    A request that the provider has not confirmed carries the card. It is deleted once sent.
    """
    for message in messages:
        asked = message.payload
        names = {
            "checkouts": list(asked.checkouts),
            "pseudonym": asked.pseudonym,
            "card": ERASED_CARD,
        }
        work.cursor.execute(FORGET_CARDS, names)
        work.cursor.execute(RENAME_REFUNDS, names)
        rows, unsent = work.cursor.execute(STANDING, names).fetchone() or (0, False)
        if not unsent:
            work.reply(message, PaymentsVisitorErased(attempt=asked.attempt, rows=rows))
