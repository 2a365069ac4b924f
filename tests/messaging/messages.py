"""Messages for tests, built as the outbox builds them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from cluster.catalog.contract import ReserveStock
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Envelope, dataschema, encode_payload, new_message_id


def envelope(
    payload: Payload,
    *,
    subject_id: UUID | None = None,
    source: str = "checkout",
    sequence: int = 1,
    causation: UUID | None = None,
) -> Envelope:
    """Return an envelope as `source` would send it, about a new subject unless one is given."""
    declared = payload.message_type
    subject_id = subject_id or new_message_id()
    return Envelope(
        id=new_message_id(),
        source=source,
        type=declared.name,
        subject=f"{declared.aggregate}/{subject_id}",
        time=datetime.now(UTC),
        dataschema=dataschema(declared),
        correlationid=subject_id,
        causationid=causation,
        sequence=sequence,
        data=encode_payload(payload),
    )


def reserve_stock(
    *,
    subject_id: UUID | None = None,
    sku: str = "MUG-ENAMEL",
    quantity: int = 2,
    sequence: int = 1,
) -> Envelope:
    """Return a ReserveStock command, about a new reservation unless `subject_id` is given."""
    return envelope(
        ReserveStock(sku=sku, quantity=quantity),
        subject_id=subject_id,
        sequence=sequence,
    )
