"""The handlers of identity for limits: hold an amount, release it, spend it, restore it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cluster.checkout.contract import CheckoutCompleted
from cluster.identity.contract import (
    HoldLimit,
    HoldReleased,
    LimitHeld,
    LimitRefused,
    LimitRestored,
    LimitSpent,
    ReleaseHold,
)
from cluster.identity.domain.limits import Hold, HoldState
from cluster.identity.repository import lock_holds, lock_limits, save_holds, save_limits
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.messaging.work import PermanentError, UnitOfWork
from cluster.payments.contract import RefundSettled

RECORD_SPENDS: Final = """
    INSERT INTO spend (id, visitor, amount, at)
    SELECT id, visitor, amount, %s FROM unnest(%b::uuid[], %b::text[], %b::bigint[])
        AS t (id, visitor, amount)
"""
# The visitor is read here, since the refund may have begun before its visitor was erased. The rows
# are locked, so that an erasure by another replica renames them before or after, not in between.
SPENDERS: Final = "SELECT id, visitor FROM spend WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
RECORD_RESTORATIONS: Final = """
    INSERT INTO limit_restoration (id, visitor, amount, at)
    SELECT id, visitor, amount, %s FROM unnest(%b::uuid[], %b::text[], %b::bigint[])
        AS t (id, visitor, amount)
"""


def hold_limit(work: UnitOfWork, messages: Sequence[Message[HoldLimit]], /) -> None:
    """Set the amount aside, or refuse."""
    limits = lock_limits(work, [message.payload.visitor for message in messages])
    known = lock_holds(work, [message.subject_id for message in messages])
    holds = {}
    for message in messages:
        visitor, amount = message.payload.visitor, message.payload.amount
        before = known.get(message.subject_id)
        held = limits[visitor].hold(amount) if before is None else None
        reply: Payload
        if held is not None:
            limits[visitor] = held
            holds[message.subject_id] = Hold(visitor, amount, HoldState.HELD, 1)
            reply = LimitHeld(amount=amount)
        elif before is None:
            holds[message.subject_id] = Hold(visitor, amount, HoldState.REFUSED, 1)
            reply = LimitRefused(reason=f"{limits[visitor].free} pence of the limit are free")
        else:
            holds[message.subject_id] = replace(before, version=before.version + 1)
            reply = LimitRefused(reason=f"the hold was {before.state} before it was asked for")
        work.reply(message, reply)
    save_holds(work, holds)
    save_limits(work, list(limits.values()))


def release_hold(work: UnitOfWork, messages: Sequence[Message[ReleaseHold]], /) -> None:
    """Release the hold of a checkout, as its compensation.

    A hold that is released already is left as it is.
    """
    known = lock_holds(work, [message.subject_id for message in messages])
    limits = lock_limits(work, [hold.visitor for hold in known.values()])
    holds = {}
    for message in messages:
        before = known.get(message.subject_id)
        if before is None:
            # Never held: record that it must not be held any more.
            holds[message.subject_id] = Hold("", 0, HoldState.RELEASED, 1)
            work.reply(message, HoldReleased(amount=0))
        elif before.state in (HoldState.HELD, HoldState.REFUSED):
            amount = before.amount if before.state is HoldState.HELD else 0
            limits[before.visitor] = limits[before.visitor].release(amount)
            holds[message.subject_id] = replace(
                before, state=HoldState.RELEASED, version=before.version + 1
            )
            work.reply(message, HoldReleased(amount=amount))
        elif before.state is HoldState.SPENT:
            raise PermanentError("a completed checkout's hold cannot be released")
    save_holds(work, holds)
    save_limits(work, list(limits.values()))


def spend_hold(work: UnitOfWork, messages: Sequence[Message[CheckoutCompleted]], /) -> None:
    """Turn the holds of completed checkouts into spending."""
    known = lock_holds(work, [message.subject_id for message in messages])
    limits = lock_limits(work, [hold.visitor for hold in known.values()])
    for message in messages:
        hold = known.get(message.subject_id)
        if hold is None or hold.state is not HoldState.HELD:
            raise PermanentError(f"checkout {message.subject_id} completed without a hold")
        limits[hold.visitor] = limits[hold.visitor].spend(hold.amount)
        known[message.subject_id] = replace(hold, state=HoldState.SPENT)
        work.reply(message, LimitSpent(visitor=hold.visitor, amount=hold.amount))
    save_holds(work, known)
    save_limits(work, list(limits.values()))
    ids = [message.subject_id for message in messages]
    work.cursor.execute(
        RECORD_SPENDS,
        (work.now, ids, [known[i].visitor for i in ids], [known[i].amount for i in ids]),
    )


def restore_limit(work: UnitOfWork, messages: Sequence[Message[RefundSettled]], /) -> None:
    """Restore the limit by the amounts of paid refunds."""
    work.cursor.execute(SPENDERS, ([message.payload.order for message in messages],))
    spenders = dict(work.cursor.fetchall())
    visitors = [spenders.get(m.payload.order, m.payload.visitor) for m in messages]
    limits = lock_limits(work, visitors)
    for message, visitor in zip(messages, visitors, strict=True):
        amount = message.payload.amount
        limits[visitor] = limits[visitor].restore(amount)
        work.reply(message, LimitRestored(visitor=visitor, amount=amount))
    save_limits(work, list(limits.values()))
    work.cursor.execute(
        RECORD_RESTORATIONS,
        (
            work.now,
            [message.subject_id for message in messages],
            visitors,
            [message.payload.amount for message in messages],
        ),
    )
