"""The products that a batch of messages has changed, for caches of products."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cluster.catalog.contract import ProductAmended, ProductListed, ProductRestocked
from cluster.messaging.contract import UnknownMessageType
from cluster.messaging.envelope import Envelope, InvalidMessage, decode_message

CHANGES: Final = frozenset(
    schema.message_type.name for schema in (ProductListed, ProductAmended, ProductRestocked)
)
GENERATION: Final = "product-generation:"
# Longer than any cached copy lives: a number that begins anew meets no copy of its first life.
GENERATION_FOR: Final = 600  # seconds


def changed_products(envelopes: Iterable[Envelope]) -> set[str]:
    """Return the SKUs that events of catalog in this batch are about."""
    skus = set()
    for envelope in envelopes:
        if envelope.type in CHANGES:
            try:
                skus.add(str(decode_message(envelope).payload.sku))  # type: ignore[attr-defined]
            except (InvalidMessage, UnknownMessageType):
                continue  # the service that handles this type files it with the reason
    return skus
