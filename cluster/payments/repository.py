"""Payments in PostgreSQL, loaded and stored in batches, one statement a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg.rows import TupleRow

from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.messaging.work import Outgoing, UnitOfWork
from cluster.orders.contract import RefundRequested
from cluster.payments.contract import RefundFailed, RefundSettled
from cluster.payments.domain.ledger import Entry
from cluster.payments.domain.payment import (
    Authorisation,
    Decision,
    Origin,
    Payment,
    RefundOutcome,
    Wish,
)
from cluster.payments.provider_api import Operation, OperationKind

CHANNEL: Final = "provider_request"  # the NOTIFY channel that wakes the gateway

ORIGIN: Final = ("correlation", "cause", "traceparent")
# The columns of a payment as the domain knows it, with their types in PostgreSQL.
COLUMNS: Final = {
    "id": "uuid", "amount": "bigint", "card": "text", "wish": "smallint", "owed": "smallint",
    "authorisation": "text", "reason": "text", "awaiting": "uuid", "awaiting_kind": "text",
    "refund": "uuid", "authorised": "bigint", "captured": "bigint", "voided": "bigint",
    "refunded": "bigint", "contradictions": "smallint", "operations": "int", "version": "int",
    "correlation": "uuid", "cause": "uuid", "traceparent": "text",
}  # fmt: skip
# Locked in one order, so that two batches with the same payments wait and do not deadlock.
LOAD: Final = f"""
    SELECT {", ".join(COLUMNS)} FROM payment WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""  # noqa: S608  (names of our own)

_SAVED: Final = {**COLUMNS, "state": "text", "asked_at": "timestamptz"}
SAVE: Final = f"""
    INSERT INTO payment ({", ".join(_SAVED)}, polls, created_at, updated_at)
    SELECT t.*, 0, %(now)s, %(now)s
      FROM unnest({", ".join(f"%({name})s::{type_}[]" for name, type_ in _SAVED.items())}) AS t
    ON CONFLICT (id) DO UPDATE SET
        {", ".join(f"{name} = EXCLUDED.{name}" for name in (*COLUMNS, "state") if name != "id")},
        asked_at = COALESCE(EXCLUDED.asked_at, payment.asked_at),
        polls = CASE WHEN EXCLUDED.asked_at IS NULL THEN payment.polls ELSE 0 END,
        updated_at = EXCLUDED.updated_at
"""  # noqa: S608

ENTER: Final = """
    INSERT INTO ledger_entry (payment, transaction, account, amount, at)
    SELECT *, %s FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[])
"""

# One NOTIFY for the whole batch.
ASK: Final = """
    WITH asked AS (
        INSERT INTO provider_request (key, payment, kind, amount, card, created_at)
        SELECT key, payment, kind, amount, card, %s
          FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[])
               WITH ORDINALITY AS t (key, payment, kind, amount, card, position)
         ORDER BY position
        RETURNING 1
    )
    SELECT pg_notify('provider_request', ''), count(*) FROM asked
"""

RECORD_REFUNDS: Final = """
    INSERT INTO refund (id, order_id, visitor, sku, quantity, amount, state, reason, version,
                        correlation, cause, traceparent, created_at, updated_at)
    SELECT id, order_id, visitor, sku, quantity, amount, 'requested', '', 0,
           correlation, cause, traceparent, %(now)s, %(now)s
      FROM unnest(%(id)s::uuid[], %(order_id)s::uuid[], %(visitor)s::text[], %(sku)s::text[],
                  %(quantity)s::int[], %(amount)s::bigint[], %(correlation)s::uuid[],
                  %(cause)s::uuid[], %(traceparent)s::text[])
        AS t (id, order_id, visitor, sku, quantity, amount, correlation, cause, traceparent)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

END_REFUNDS: Final = """
    UPDATE refund
       SET state = CASE WHEN t.refusal = '' THEN 'settled' ELSE 'failed' END,
           reason = t.refusal, version = refund.version + 1, updated_at = %s
      FROM unnest(%s::uuid[], %s::text[]) AS t (id, refusal)
     WHERE refund.id = t.id AND refund.state = 'requested'
    RETURNING refund.id, order_id, visitor, sku, quantity, amount, reason,
              correlation, cause, traceparent
"""


def load_payments(
    work: UnitOfWork, ids: Collection[UUID], *, skip_locked: bool = False
) -> dict[UUID, Payment]:
    """Return the payments of `ids` that exist, locked.

    With `skip_locked` those that another transaction has locked are left out.
    """
    statement = LOAD + " SKIP LOCKED" if skip_locked else LOAD
    work.cursor.execute(statement.encode(), (list(ids),))
    return {row[0]: _payment(row) for row in work.cursor.fetchall()}


def save_decisions(work: UnitOfWork, decisions: Sequence[Decision]) -> None:
    """Store decisions, in order: payments, ledger, operations, announcements."""
    newest = {decision.payment.id: decision.payment for decision in decisions}
    operations = [operation for decision in decisions for operation in decision.operations]
    _save_payments(work, newest.values(), asked={operation.payment for operation in operations})
    _enter(work, [entry for decision in decisions for entry in decision.entries])
    ask(work, operations)
    for decision in decisions:
        for announcement in decision.announcements:
            announce(work, announcement, decision.payment.id, decision.payment.origin)
    end_refunds(work, [d.refund for d in decisions if d.refund is not None])


def announce(work: UnitOfWork, payload: Payload, subject_id: UUID, origin: Origin) -> None:
    """Send `payload` as an answer to a command that came some time ago."""
    work.outgoing.append(
        Outgoing(payload, subject_id, origin.correlation, origin.message, origin.traceparent)
    )


def record_refunds(work: UnitOfWork, messages: Sequence[Message[RefundRequested]]) -> set[UUID]:
    """Record the requests of refund sagas and return the ids of those that are new."""
    work.cursor.execute(
        RECORD_REFUNDS,
        {
            "now": work.now,
            "id": [message.subject_id for message in messages],
            "order_id": [message.payload.order for message in messages],
            "visitor": [message.payload.visitor for message in messages],
            "sku": [message.payload.sku for message in messages],
            "quantity": [message.payload.quantity for message in messages],
            "amount": [message.payload.amount for message in messages],
            "correlation": [message.correlation for message in messages],
            "cause": [message.id for message in messages],
            "traceparent": [message.envelope.traceparent for message in messages],
        },
    )
    return {row[0] for row in work.cursor.fetchall()}


def end_refunds(work: UnitOfWork, outcomes: Sequence[RefundOutcome]) -> None:
    """Close requests of refund sagas and announce their results."""
    if not outcomes:
        return
    work.cursor.execute(
        END_REFUNDS, (work.now, [o.refund for o in outcomes], [o.refusal for o in outcomes])
    )
    for row in work.cursor.fetchall():
        refund, order, visitor, sku, quantity, amount, reason, *origin = row
        ending: Payload = (
            RefundFailed(order=order, reason=reason)
            if reason
            else RefundSettled(
                order=order, visitor=visitor, sku=sku, quantity=quantity, amount=amount
            )
        )
        announce(work, ending, refund, Origin(*origin))


def _payment(row: TupleRow) -> Payment:
    fields: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    origin = Origin(*(fields.pop(name) for name in ORIGIN))
    kind = fields["awaiting_kind"]
    decoded = {
        "wish": Wish(fields["wish"]),
        "owed": Wish(fields["owed"]),
        "authorisation": Authorisation(fields["authorisation"]),
        "awaiting_kind": OperationKind(kind) if kind else None,
    }
    return Payment(origin=origin, **fields | decoded)


def _save_payments(work: UnitOfWork, payments: Iterable[Payment], *, asked: set[UUID]) -> None:
    rows = [_columns(payment, work.now if payment.id in asked else None) for payment in payments]
    if not rows:
        return
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    work.cursor.execute(SAVE.encode(), {**columns, "now": work.now})


def _columns(payment: Payment, asked_at: object) -> Mapping[str, object]:
    return {
        **{name: getattr(payment, name) for name in COLUMNS if name not in ORIGIN},
        "state": payment.state,
        "wish": payment.wish.value,
        "owed": payment.owed.value,
        "authorisation": payment.authorisation.value,
        "awaiting_kind": payment.awaiting_kind.value if payment.awaiting_kind else None,
        "correlation": payment.origin.correlation,
        "cause": payment.origin.message,
        "traceparent": payment.origin.traceparent,
        "asked_at": asked_at,
    }


def _enter(work: UnitOfWork, lines: Sequence[Entry]) -> None:
    if lines:
        work.cursor.execute(
            ENTER,
            (
                work.now,
                [line.payment for line in lines],
                [line.transaction for line in lines],
                [line.account.value for line in lines],
                [line.amount for line in lines],
            ),
        )


def ask(work: UnitOfWork, operations: Sequence[Operation]) -> None:
    if operations:
        work.cursor.execute(
            ASK,
            (
                work.now,
                [operation.key for operation in operations],
                [operation.payment for operation in operations],
                [operation.kind.value for operation in operations],
                [operation.amount for operation in operations],
                [operation.card for operation in operations],
            ),
        )
