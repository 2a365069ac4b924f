"""Closing the history as scheduled work: what verification must still be able to compare.

The balance of a row is what the checkers' own queries read of it, so that a checker finds the same
before the row is closed and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cluster.health.checkers import agreement_queries, queries
from cluster.health.checkers.invariants import RECEIVERS
from cluster.health.checkers.snapshot import MASK, Pairs
from cluster.health.checkers.subscriptions import aggregates_consumed
from cluster.messaging.history import Closing, Relation
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, UnitOfWork
from cluster.services import load_all
from config.environment import DATABASES
from config.retention import horizon

EVERY: Final = 10.0  # seconds

_RELATIONS: Final = (
    queries.AMOUNTS,
    queries.BOUGHT,
    queries.SOLD,
    queries.SPENT,
    queries.CAPTURED,
    queries.HOLDS,
    queries.RESERVATIONS,
    queries.ORDERS,
    queries.REFUNDS_COMPLETED,
    queries.RETURNED,
    queries.RESTORED,
    agreement_queries.CHECKOUT_REQUESTS,
    agreement_queries.SAGAS,
    agreement_queries.REFUND_REQUESTS,
    agreement_queries.REFUNDS,
    agreement_queries.REFUNDED,
    agreement_queries.PAID_BACK,
    agreement_queries.ERASURE_REQUESTS,
    agreement_queries.ERASURES,
    *(queries.left_behind(state) for state in queries.LEFT_BEHIND.values()),
    *(queries.versions(name) for name in DATABASES),
    *(queries.announced(name) for name in DATABASES),
    *(queries.applied(name) for name in RECEIVERS),
)
# By database: name, key and amount of what PRODUCT_BOOKS, VISITOR_BOOKS and LEDGER add up.
_SUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "catalog": (
        "SELECT 'sale', sku, quantity FROM sale",
        "SELECT 'stock_return', sku, quantity FROM stock_return",
    ),
    "identity": (
        "SELECT 'spend', visitor, amount FROM spend",
        "SELECT 'limit_restoration', visitor, amount FROM limit_restoration",
    ),
    "payments": ("SELECT 'ledger', account, amount FROM ledger_entry",),
}


def closing_of(service: Service) -> Closing:
    """Return the closing of a service's history, with all that verification compares of it."""
    return Closing(
        service.history,
        relations=[
            Relation(pairs.relation, _hashed(pairs), pairs.parameters)
            for pairs in relations(service.name)
        ],
        sums=_SUMS.get(service.name, ()),
        streams=[
            (source, aggregate)
            for source, heard in aggregates_consumed(load_all()).get(service.name, {}).items()
            for aggregate in heard
        ],
    )


def relations(database: str) -> Iterator[Pairs]:
    """Yield the rows of a database that verification compares with those of another."""
    yield from (pairs for pairs in _RELATIONS if pairs.database == database)
    for receiver, heard in aggregates_consumed(load_all()).items():
        if database in heard:
            yield queries.sent_to(receiver, database, heard[database])


def scheduled_work(service: Service) -> tuple[Scheduled, ...]:
    """Return all periodic work of a service, with the closing of its history.

    Raises HorizonTooNear, so that no process starts with a horizon that would lose something.
    """
    closing, kept = closing_of(service), horizon()

    def close_history(work: UnitOfWork) -> None:
        closing.close(work, before=work.now - kept)

    closes = Scheduled(f"{service.name}.close_history", every=EVERY, run=close_history)
    return (*service.periodic_work, closes)


def _hashed(pairs: Pairs) -> str:
    return (
        f"SELECT part, (hashtextextended(key, 0) & {MASK})::int, "  # noqa: S608 - no input
        f"hashtextextended(key || '=' || value, 1) "
        f"FROM ({pairs.query}) AS pairs (part, key, value)"
    )
