"""Catalog's part in the erasure of a visitor: a receipt, since it keeps no data of visitors."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.catalog.contract import CatalogVisitorErased
from cluster.identity.contract import ErasureRequested
from cluster.messaging.envelope import Message
from cluster.messaging.work import UnitOfWork


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Answer each request with a receipt of 0 rows.

    Reservations and sales hold a checkout and items, and no visitor.
    """
    for message in messages:
        work.reply(message, CatalogVisitorErased(attempt=message.payload.attempt, rows=0))
