"""The ambient load: a real checkout every few seconds, so that the pages show activity.

While no visitor follows the stream there are fewer, since each one takes space on the disk.
"""

from __future__ import annotations

import random
from typing import Final

from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import read_room
from cluster.storefront.checkout_intake import CheckoutOrder, Outcome, accept_checkouts

# More work does not help a cluster that falls behind.
MOST_UNFINISHED: Final = 50

# Mostly common cases: a bank that takes 0.3 to 2 s, a card that is declined, and now and then a
# provider that sends twice, late or never. Each ends within about 7 s, so that at one in two
# seconds a few are in flight at most.
MIX: Final = (
    (Outcome.SUCCESS, "tok_slow", 82),
    (Outcome.SUCCESS, "tok_twice", 4),
    (Outcome.SUCCESS, "tok_reordered", 3),
    (Outcome.DECLINED, "tok_slow_declined", 8),
    (Outcome.PROVIDER_SILENT, "tok_silent", 3),
)

QUIET_EVERY: Final = 10.0  # seconds; often enough for one on the graph that the next visitor gets
# A visitor who has gone may come back, or reads a page that does not follow the stream.
AUDIENCE_STAYS: Final = 300.0  # seconds

# Until a first visitor has come (`stream/tail.py` records it), one is assumed.
IS_DUE: Final = """
    SELECT coalesce((SELECT seen_at > now() - %(stays)s * interval '1 s' FROM audience), true)
           OR coalesce((SELECT accepted_at FROM checkout_request ORDER BY id DESC LIMIT 1)
                       <= now() - %(quiet)s * interval '1 s', true)
"""
# Only products that catalog restocks: the last items are left for races.
ANY_RESTOCKED: Final = "SELECT sku FROM product WHERE restocked ORDER BY random() LIMIT 1"


def start_ambient_checkout(work: UnitOfWork) -> None:
    """Start one checkout of a new visitor, unless too many are unfinished.

    Called every two seconds. Without a visitor to see it, most calls start none.
    """
    if not _is_due(work) or read_room(work).open >= MOST_UNFINISHED:
        return
    work.cursor.execute(ANY_RESTOCKED)
    product = work.cursor.fetchone()
    if product is None:
        return  # nothing has been listed yet
    # Not a secret: a foreseeable choice does no harm.
    [(outcome, card, _)] = random.choices(MIX, weights=[part[2] for part in MIX])  # noqa: S311
    order = CheckoutOrder(
        visitor=f"ambient-{new_message_id().hex[-12:]}",
        sku=product[0],
        quantity=random.randint(1, 3),  # noqa: S311
        card=card,
        requested_outcome=outcome,
    )
    accept_checkouts(work, requests=[order])


def _is_due(work: UnitOfWork) -> bool:
    work.cursor.execute(IS_DUE, {"stays": AUDIENCE_STAYS, "quiet": QUIET_EVERY})
    row = work.cursor.fetchone()
    return row is not None and bool(row[0])
