"""The read models that follow the journal: how requests ended, and the products for sale.

Each function takes the new envelopes of one type, in the order of the journal, and applies all of
them in one statement. Applied twice, they change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from cluster.catalog.contract import ProductAmended, ProductListed, ProductRestocked
from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted
from cluster.identity.contract import (
    ErasureCompleted,
    ErasureRefused,
    ErasureRequested,
    TokenRevoked,
)
from cluster.messaging.contract import Payload, UnknownMessageType
from cluster.messaging.envelope import Envelope, InvalidMessage, Message, decode_message
from cluster.messaging.system_events import DISTURBED
from cluster.messaging.work import UnitOfWork
from cluster.orders.contract import RefundAbandoned, RefundCompleted, RefundRefused
from cluster.storefront.admission import record_ended
from cluster.storefront.checkout_intake import begin_checkouts
from cluster.storefront.journal.erasure import complete_erasures, forget_visitors, refuse_erasures
from cluster.storefront.tokens.denial import deny

# Of a request, whose table is `{}`.
_END: Final = """
    UPDATE {} r
       SET status = %s, reason = t.reason, ended_at = t.at
      FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[]) AS t (id, reason, at)
     WHERE r.id = t.id AND r.status = 'accepted'
"""
END_CHECKOUTS: Final = _END.format("checkout_request")
END_REFUNDS: Final = _END.format("refund_request")

# The command that listed a product says whether catalog restocks it. The journal holds that command
# as the cause of the event.
LIST_PRODUCTS: Final = """
    INSERT INTO product (sku, name, price, restocked, version, fed_by)
    SELECT DISTINCT ON (t.sku) t.sku, t.name, t.price,
           coalesce((SELECT (j.envelope #>> '{data,restock_to}')::bigint > 0
                       FROM journal j WHERE j.message_id = t.causation), false),
           t.version, t.seq
      FROM (SELECT t.*, j.sequence AS version, j.seq
              FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::uuid[], %s::uuid[])
                AS t (sku, name, price, causation, message_id)
              JOIN journal j USING (message_id)) AS t
     ORDER BY t.sku, t.version DESC
    ON CONFLICT (sku) DO UPDATE
       SET name = EXCLUDED.name, price = EXCLUDED.price,
           version = EXCLUDED.version, fed_by = EXCLUDED.fed_by
     WHERE product.version <= EXCLUDED.version
"""

# Only products that are never restocked are amended, so the two do not overtake each other.
AMEND_PRODUCTS: Final = """
    INSERT INTO product (sku, name, price, restocked, version, fed_by)
    SELECT DISTINCT ON (t.sku) t.sku, t.name, t.price, false, t.version, j.seq
      FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::int[], %s::uuid[])
        AS t (sku, name, price, version, message_id)
      JOIN journal j USING (message_id)
     ORDER BY t.sku, t.version DESC
    ON CONFLICT (sku) DO UPDATE
       SET name = EXCLUDED.name, price = EXCLUDED.price,
           version = EXCLUDED.version, fed_by = EXCLUDED.fed_by
     WHERE product.version < EXCLUDED.version
"""

RESTOCK_PRODUCTS: Final = """
    UPDATE product p
       SET restocked = true, version = greatest(p.version, t.version),
           fed_by = CASE WHEN t.version > p.version THEN t.seq ELSE p.fed_by END
      FROM (SELECT DISTINCT ON (t.sku) t.sku, j.sequence AS version, j.seq
              FROM unnest(%s::text[], %s::uuid[]) AS t (sku, message_id)
              JOIN journal j USING (message_id)
             ORDER BY t.sku, j.sequence DESC) AS t
     WHERE p.sku = t.sku
"""

Projection = Callable[[UnitOfWork, Sequence[Message[Any]]], None]


def update_read_models(work: UnitOfWork, envelopes: Sequence[Envelope]) -> None:
    """Apply new journal entries to the read models, in the order of the journal."""
    messages: dict[str, list[Message[Payload]]] = {}
    for envelope in envelopes:
        if envelope.type in PROJECTIONS:
            try:
                message = decode_message(envelope)
            except (InvalidMessage, UnknownMessageType):
                continue  # the service that handles this type files it with the reason
            messages.setdefault(envelope.type, []).append(message)
    for name, project in PROJECTIONS.items():
        if name in messages:
            project(work, messages[name])


def _end(
    work: UnitOfWork, messages: Sequence[Message[Any]], *, statement: str, status: str
) -> None:
    ids, reasons, times = [], [], []
    for message in messages:
        identifier = _subject_id(message)
        if identifier is not None:
            ids.append(identifier)
            reasons.append(getattr(message.payload, "reason", ""))
            times.append(message.envelope.time)
    work.cursor.execute(statement.encode(), (status, ids, reasons, times))


def _end_checkouts(work: UnitOfWork, messages: Sequence[Message[Any]], *, status: str) -> None:
    _end(work, messages, statement=END_CHECKOUTS, status=status)
    record_ended(work, work.cursor.rowcount)


def _list_products(work: UnitOfWork, messages: Sequence[Message[ProductListed]]) -> None:
    listed = [message.payload for message in messages]
    work.cursor.execute(
        LIST_PRODUCTS,
        (
            [product.sku for product in listed],
            [product.name for product in listed],
            [product.price for product in listed],
            [message.envelope.causationid for message in messages],
            [message.id for message in messages],
        ),
    )


def _amend_products(work: UnitOfWork, messages: Sequence[Message[ProductAmended]]) -> None:
    amended = [message.payload for message in messages]
    work.cursor.execute(
        AMEND_PRODUCTS,
        (
            [product.sku for product in amended],
            [product.name for product in amended],
            [product.price for product in amended],
            [product.version for product in amended],
            [message.id for message in messages],
        ),
    )


def _mark_restocked(work: UnitOfWork, messages: Sequence[Message[ProductRestocked]]) -> None:
    skus = [message.payload.sku for message in messages]
    work.cursor.execute(RESTOCK_PRODUCTS, (skus, [message.id for message in messages]))


def _begin_with_faults(work: UnitOfWork, messages: Sequence[Message[Any]]) -> None:
    begin_checkouts(
        work, traces={message.correlation: message.envelope.traceparent for message in messages}
    )


def _deny_tokens(work: UnitOfWork, messages: Sequence[Message[TokenRevoked]]) -> None:
    """Refuse the tokens here that identity has revoked by its own decision."""
    for message in messages:
        identifier = _subject_id(message)
        if identifier is not None:
            deny(work, identifier, work.now)


def _subject_id(message: Message[Any]) -> UUID | None:
    """Return the id that the message is about, or None when its subject is not of that form."""
    try:
        return message.subject_id
    except ValueError:
        return None


_end_refunds = partial(_end, statement=END_REFUNDS)

_BY_SCHEMA: Final[Mapping[type[Payload], Projection]] = {
    ProductListed: _list_products,
    ProductAmended: _amend_products,
    ProductRestocked: _mark_restocked,
    CheckoutCompleted: partial(_end_checkouts, status="completed"),
    CheckoutCompensated: partial(_end_checkouts, status="compensated"),
    RefundCompleted: partial(_end_refunds, status="completed"),
    RefundRefused: partial(_end_refunds, status="refused"),
    RefundAbandoned: partial(_end_refunds, status="abandoned"),
    # In this order, so that a visitor is forgotten before the erasure is completed in the same
    # batch.
    ErasureRequested: forget_visitors,
    ErasureCompleted: complete_erasures,
    ErasureRefused: refuse_erasures,
    TokenRevoked: _deny_tokens,
    # A visitor's checkout waits until its rule is in force (chaos/message_editing.py).
    **dict.fromkeys(DISTURBED, _begin_with_faults),
}
PROJECTIONS: Final = {schema.message_type.name: run for schema, run in _BY_SCHEMA.items()}
