"""The erasure saga: asks every service to forget a visitor until each has answered.

    identity  erasure_requested   here, when the visitor has no amount on hold, and again
                                  every few seconds while a receipt is missing
    others    visitor_erased      each writes the pseudonym for the visitor and answers
    identity  erasure_completed   here, when all have answered the latest attempt

It has no compensation and no deadline: forgotten data cannot be restored, and a service that is
away answers when it returns. A repeated request is answered like the first: that costs a message,
and lets every service be stateless here.

Identity writes the pseudonym in its own rows in the transaction of each announcement. The next
attempt finds a checkout that was accepted before the erasure and reached identity after it.
Checkout does not answer until that one has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, Final, TypeAlias
from uuid import UUID

from psycopg.types.json import Jsonb

from cluster.catalog.contract import CatalogVisitorErased
from cluster.checkout.contract import CheckoutVisitorErased
from cluster.identity.contract import (
    ErasureCompleted,
    ErasureRefused,
    ErasureRequested,
    RequestErasure,
)
from cluster.identity.domain.erasure import Erasure, ErasureState, Receipt, why_not_erasable
from cluster.identity.repository import limit_digest
from cluster.messaging.envelope import Message
from cluster.messaging.history import rename_balances
from cluster.messaging.row_digest import renewed
from cluster.messaging.work import PermanentError, UnitOfWork
from cluster.orders.contract import OrdersVisitorErased
from cluster.payments.contract import PaymentsVisitorErased

VisitorErased: TypeAlias = (
    CatalogVisitorErased | OrdersVisitorErased | PaymentsVisitorErased | CheckoutVisitorErased
)

# A transaction that asks for more would keep checkouts waiting for their holds.
ASKED_AGAIN_AT_ONCE: Final = 20

_COLUMNS: Final = "id, visitor, state, version, receipts, ask_again_at"
LOCK: Final = f"SELECT {_COLUMNS} FROM erasure WHERE id = ANY(%s) ORDER BY id FOR UPDATE"  # noqa: S608
LOCK_UNANSWERED: Final = f"""
    SELECT {_COLUMNS} FROM erasure
     WHERE ask_again_at <= %s ORDER BY ask_again_at LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608
SAVE: Final = """
    INSERT INTO erasure
        (id, visitor, state, version, receipts, ask_again_at, created_at, updated_at)
    VALUES (%(id)s, %(visitor)s, %(state)s, %(version)s, %(receipts)s, %(ask_again_at)s,
            %(now)s, %(now)s)
    ON CONFLICT (id) DO UPDATE
       SET visitor = EXCLUDED.visitor, state = EXCLUDED.state, version = EXCLUDED.version,
           receipts = EXCLUDED.receipts, ask_again_at = EXCLUDED.ask_again_at,
           updated_at = EXCLUDED.updated_at
"""

# The lock keeps new holds of this visitor out until the pseudonym is written.
HELD: Final = "SELECT held FROM visitor_limit WHERE visitor = %s FOR UPDATE"
# At a later attempt the pseudonym has a limit already. The amounts that came since are added to it,
# so that held and spent are still the sums of the rows.
_MOVED: Final = renewed(
    "digest",
    before=limit_digest("visitor", "limit_amount"),
    after=limit_digest("%(pseudonym)s::text", "limit_amount"),
)
_ADDED: Final = renewed(
    "kept.digest",
    before=limit_digest("kept.visitor", "kept.limit_amount"),
    after=limit_digest("kept.visitor", "kept.limit_amount + EXCLUDED.limit_amount"),
)
MOVE_LIMIT: Final = f"""
    WITH moved AS (
        DELETE FROM visitor_limit WHERE visitor = %(visitor)s
        RETURNING limit_amount, held, spent, {_MOVED} AS digest
    )
    INSERT INTO visitor_limit AS kept (visitor, limit_amount, held, spent, digest)
    SELECT %(pseudonym)s, limit_amount, held, spent, digest FROM moved
    ON CONFLICT (visitor) DO UPDATE
       SET limit_amount = kept.limit_amount + EXCLUDED.limit_amount,
           held = kept.held + EXCLUDED.held, spent = kept.spent + EXCLUDED.spent,
           digest = {_ADDED}
"""  # noqa: S608
# No index on these columns: erasures are rare, and checkouts would pay for it.
RENAME: Final = (
    "UPDATE hold SET visitor = %(pseudonym)s WHERE visitor = %(visitor)s",
    "UPDATE spend SET visitor = %(pseudonym)s WHERE visitor = %(visitor)s",
    "UPDATE limit_restoration SET visitor = %(pseudonym)s WHERE visitor = %(visitor)s",
    # The tokens of a forgotten visitor give no right any more.
    "DELETE FROM token_family WHERE visitor = %(visitor)s",
)
BALANCES: Final = ("spend", "limit_restoration")
CHECKOUTS: Final = "SELECT id FROM hold WHERE visitor = %(pseudonym)s ORDER BY id"
OWN_ROWS: Final = """
    SELECT (SELECT count(*) FROM visitor_limit WHERE visitor = %(pseudonym)s)
         + (SELECT count(*) FROM hold WHERE visitor = %(pseudonym)s)
         + (SELECT count(*) FROM spend WHERE visitor = %(pseudonym)s)
         + (SELECT count(*) FROM limit_restoration WHERE visitor = %(pseudonym)s)
"""


def request_erasure(work: UnitOfWork, messages: Sequence[Message[RequestErasure]], /) -> None:
    """Begin to forget a visitor, or refuse, and leave a known erasure as it is."""
    known = _lock(work, [message.subject_id for message in messages])
    for message in messages:
        if message.subject_id in known:
            continue
        erasure = Erasure(message.subject_id, message.payload.visitor)
        reason = why_not_erasable(held=_held(work, erasure.visitor))
        if reason is None:
            _ask(work, erasure, cause=message)
        else:
            _save(work, erasure.refused())
            work.reply(message, ErasureRefused(reason=reason))


def collect_receipts(work: UnitOfWork, messages: Sequence[Message[VisitorErased]], /) -> None:
    """Record the receipts of services, of which the last one completes the erasure."""
    known = _lock(work, [message.subject_id for message in messages])
    for message in messages:
        before = known.get(message.subject_id)
        if before is None:
            raise PermanentError(f"nobody asked for the erasure {message.subject_id}")
        service = message.payload.message_type.owner
        erasure = before.answered(service, Receipt(message.payload.attempt, message.payload.rows))
        if erasure is before:
            continue
        _save(work, erasure)
        if erasure.state is ErasureState.COMPLETED:
            completed = ErasureCompleted(pseudonym=erasure.pseudonym, rows=erasure.rows)
            work.reply(message, completed)


def ask_again(work: UnitOfWork) -> None:
    """Repeat the request of those erasures whose receipts are overdue.

    A visitor who has a checkout on hold again is left alone until that has ended.
    """
    work.cursor.execute(LOCK_UNANSWERED.encode(), (work.now, ASKED_AGAIN_AT_ONCE))
    for erasure in _erasures(work).values():
        if why_not_erasable(held=_held(work, erasure.visitor)) is None:
            _ask(work, erasure, cause=None)
        else:
            _save(work, erasure.postponed(work.now))


def _ask(work: UnitOfWork, before: Erasure, *, cause: Message[Any] | None) -> None:
    """Write the pseudonym in identity's own rows, and ask the other services for theirs."""
    names = {"visitor": before.visitor, "pseudonym": before.pseudonym}
    for statement in (MOVE_LIMIT, *RENAME):
        work.cursor.execute(statement.encode(), names)
    rename_balances(work, names=BALANCES, key=before.visitor, other=before.pseudonym)
    checkouts = tuple(row[0] for row in work.cursor.execute(CHECKOUTS, names).fetchall())
    (own_rows,) = work.cursor.execute(OWN_ROWS, names).fetchone() or (0,)
    erasure = before.asked(work.now, own_rows=own_rows)
    _save(work, erasure)
    request = ErasureRequested(
        visitor=erasure.visitor,
        pseudonym=erasure.pseudonym,
        checkouts=checkouts,
        attempt=erasure.attempt,
    )
    work.send(request, subject_id=erasure.id, correlation=erasure.id, cause=cause)


def _held(work: UnitOfWork, visitor: str) -> int:
    """Return the amount on hold for the visitor (pence), with the visitor's limit locked."""
    (held,) = work.cursor.execute(HELD, (visitor,)).fetchone() or (0,)
    return int(held)


def _lock(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Erasure]:
    """Return the erasures that exist of these ids, locked."""
    work.cursor.execute(LOCK.encode(), (list(ids),))
    return _erasures(work)


def _erasures(work: UnitOfWork) -> dict[UUID, Erasure]:
    return {
        id_: Erasure(
            id_,
            visitor,
            ErasureState(state),
            version,
            {service: Receipt(**receipt) for service, receipt in receipts.items()},
            ask_again_at,
        )
        for id_, visitor, state, version, receipts, ask_again_at in work.cursor.fetchall()
    }


def _save(work: UnitOfWork, erasure: Erasure) -> None:
    receipts = {service: asdict(receipt) for service, receipt in erasure.receipts.items()}
    work.cursor.execute(
        SAVE,
        {
            "id": erasure.id,
            "visitor": erasure.visitor,
            "state": erasure.state.value,
            "version": erasure.version,
            "receipts": Jsonb(receipts),
            "ask_again_at": erasure.ask_again_at,
            "now": work.now,
        },
    )
