"""A history of ended checkouts, with the rows that each leaves in the six databases.

Every row is as the services write it, so that no invariant is violated. The streams of the outboxes
are declared; inboxes and journal follow from them, as they do when messages are delivered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from cluster.catalog.repository import product_digest
from cluster.health.checkers.snapshot import Snapshots
from cluster.health.checkers.subscriptions import aggregates_consumed
from cluster.identity.repository import limit_digest
from cluster.messaging.row_digest import entry_digest
from cluster.payments.provider_api import Balance
from cluster.services import load_all

# The servers by service, each with the tables of its database.
Databases = Mapping[str, psycopg.Connection[Any]]

DAYS: Final = 30  # over which the history is spread
MOST: Final = 100_000  # checkouts, of which the last is an hour old
VISITORS: Final = 10  # checkouts of each visitor
PRODUCTS: Final = 5
PRICE: Final = 1200  # pence

# The checkouts from `first` to `last`: what all databases know of each.
CHECKOUTS: Final = f"""
    SELECT n, md5('checkout ' || n)::uuid AS id, 'visitor-' || n / {VISITORS} AS visitor,
           'HISTORY-' || n %% {PRODUCTS} AS sku, {PRICE} AS amount, 'tok_ok' AS card,
           %(end)s::timestamptz - interval '{DAYS} days' * (1 - n::float / {MOST}) AS at
      FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""  # noqa: S608
ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "site": (
        """INSERT INTO checkout_request (id, visitor, sku, quantity, amount, card,
                  requested_outcome, accepted_at, status, reason, ended_at)
           SELECT id, visitor, sku, 1, amount, card, 'success', at, 'completed', '', at FROM c""",
    ),
    "identity": (
        """INSERT INTO hold (id, visitor, amount, state, version, created_at, updated_at)
           SELECT id, visitor, amount, 'spent', 2, at, at FROM c""",
        "INSERT INTO spend (id, visitor, amount, at) SELECT id, visitor, amount, at FROM c",
        f"""INSERT INTO visitor_limit (visitor, limit_amount, held, spent, digest)
            SELECT visitor, 1000000, 0, sum(amount),
                   {limit_digest("visitor", "1000000::bigint")} FROM c GROUP BY visitor
            ON CONFLICT (visitor) DO UPDATE SET spent = visitor_limit.spent + excluded.spent""",  # noqa: S608
    ),
    "catalog": (
        """INSERT INTO reservation
                  (id, sku, quantity, state, version, expires_at, created_at, updated_at)
           SELECT id, sku, 1, 'sold', 2, at, at, at FROM c""",
        "INSERT INTO sale (id, sku, quantity, at) SELECT id, sku, 1, at FROM c",
        """INSERT INTO product (id, sku, name, price, available, reserved, sold, listed, restock_to,
                  version)
           SELECT md5(sku)::uuid, sku, sku, min(amount), 0, 0, 0, 0, 0, 0 FROM c GROUP BY sku
           ON CONFLICT DO NOTHING""",
        f"""UPDATE product SET sold = s.sold, listed = s.sold,
                   digest = {product_digest(listed="s.sold")}
              FROM (SELECT sku, count(*) AS sold FROM sale GROUP BY sku) AS s
             WHERE product.sku = s.sku""",  # noqa: S608
    ),
    "orders": (
        """INSERT INTO orders
                  (id, visitor, sku, quantity, amount, state, version, created_at, updated_at)
           SELECT id, visitor, sku, 1, amount, 'fulfilled', 2, at, at FROM c""",
    ),
    "payments": (
        """INSERT INTO payment (id, amount, card, state, wish, owed, authorisation, reason,
                  authorised, captured, voided, refunded, contradictions, operations, version,
                  correlation, polls, created_at, updated_at)
           SELECT id, amount, card, 'captured', 2, 0, 'granted', '', amount, amount, 0, 0, 0, 2, 2,
                  id, 0, at, at FROM c""",
        """INSERT INTO ledger_entry (payment, transaction, account, amount, at)
           SELECT id, what || ' ' || id, account, amount * sign, at FROM c,
                  (VALUES ('authorised', 'customer', -1), ('authorised', 'authorised', 1),
                          ('captured', 'authorised', -1), ('captured', 'merchant', 1))
                      AS lines (what, account, sign)""",
    ),
    "checkout": (
        """INSERT INTO saga (id, definition, state, position, steps, context, reason, failed_step,
                  messages_sent, version, started_at, updated_at, ended_at)
           SELECT id, 'checkout', 'completed', 4, steps, jsonb_build_object('visitor', visitor,
                      'sku', sku, 'quantity', 1, 'amount', amount, 'card', card),
                  '', '', 11, 3, at, at, at
             FROM c, LATERAL (
                 SELECT jsonb_agg(jsonb_build_object('name', name, 'outcome', 'done',
                                                     'asked_at', at)) AS steps
                   FROM unnest(ARRAY['hold_limit', 'reserve_items', 'authorise_payment',
                                     'create_order', 'capture_payment']) AS name) AS history""",
    ),
}
# By service and aggregate: the number of messages about each checkout.
MESSAGES: Final[Mapping[str, Mapping[str, int]]] = {
    "site": {"saga": 1},
    "identity": {"hold": 2, "spend": 1},
    "catalog": {"reservation": 2, "sale": 1},
    "orders": {"order": 2},
    "payments": {"payment": 2},
    "checkout": {"saga": 1, "checkout": 2, "hold": 2, "reservation": 2, "payment": 2, "order": 2},
}
STREAMS: Final = """
    INSERT INTO {table} ({source} subject, last_sequence, updated_at)
    SELECT {named} aggregate || '/' || id, messages, at
      FROM c, unnest(%(aggregates)s::text[], %(messages)s::int[]) AS s (aggregate, messages)
"""
INBOX: Final = """
    INSERT INTO inbox (message_id, type, applied, applied_at, source, subject, sequence, place)
    SELECT gen_random_uuid(), aggregate, 1, at, %(source)s::text, aggregate || '/' || id, sequence,
           n * 100 + sequence
      FROM c, unnest(%(aggregates)s::text[], %(messages)s::int[]) AS s (aggregate, messages),
           generate_series(1, messages) AS sequence
"""
# As wide as an event of a checkout.
JOURNAL: Final = f"""
    WITH {{c}}, entries AS (
        SELECT (%(before)s + row_number() OVER (ORDER BY n, source, aggregate, sequence)) AS seq,
               gen_random_uuid() AS message_id, source, aggregate AS type,
               aggregate || '/' || id AS subject, sequence, id AS correlation,
               NULL::uuid AS causation, at AS time, at AS recorded_at,
               jsonb_build_object('id', id, 'type', aggregate, 'source', source, 'data',
                   jsonb_build_object('visitor', visitor, 'sku', sku, 'amount', amount),
                   'traceparent', repeat('0', 55), 'time', at) AS envelope
          FROM c, unnest(%(sources)s::text[], %(aggregates)s::text[], %(messages)s::int[])
                      AS s (source, aggregate, messages), generate_series(1, messages) AS sequence
    )
    INSERT INTO journal (seq, message_id, source, type, subject, sequence, correlation, causation,
                         time, recorded_at, envelope, digest)
    SELECT *, {entry_digest(envelope="envelope")} FROM entries
"""  # noqa: S608
COPIED: Final = """
    INSERT INTO product (sku, name, price, restocked)
    SELECT sku, sku, min(amount), false FROM c GROUP BY sku
    ON CONFLICT DO NOTHING
"""


class KnownBooks:
    """The provider's books as they were at one moment, by payment."""

    def __init__(self, balances: Mapping[str, Balance]) -> None:
        self._balances = balances

    def total(self) -> Balance:
        every = self._balances.values()
        return Balance(sum(b.authorised for b in every), sum(b.captured for b in every))

    def balances(self, payments: Collection[str] | None = None) -> Mapping[str, Balance]:
        wanted = self._balances.keys() if payments is None else payments
        return {key: self._balances[key] for key in wanted if key in self._balances}


def books_of(snapshots: Snapshots) -> KnownBooks:
    """Return the books that a provider would have of a history."""
    rows = snapshots.rows("payments", "SELECT id::text, captured FROM payment")
    return KnownBooks({payment: Balance(0, captured) for payment, captured in rows})


def add_checkouts(databases: Databases, first: int, last: int) -> None:
    """Add the checkouts with these numbers, from 1, and commit."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    numbers = {"first": first, "last": last, "end": hour - timedelta(hours=1)}
    common = f"c AS ({CHECKOUTS})"
    for name, connection in databases.items():
        for insert in ROWS[name]:
            connection.execute(f"WITH {common} {insert}".encode(), numbers)
        _add_streams(connection, "outbox_stream", MESSAGES[name], numbers)
    for receiver, heard in aggregates_consumed(load_all()).items():
        for source, aggregates in heard.items():
            messages = {a: n for a, n in MESSAGES[source].items() if a in aggregates}
            _add_streams(
                databases[receiver], "inbox_stream", messages, numbers | {"source": source}
            )
    _add_entries(databases["site"], numbers, common)
    for connection in databases.values():
        connection.commit()


def _add_streams(
    connection: psycopg.Connection[Any],
    table: str,
    messages: Mapping[str, int],
    parameters: Mapping[str, Any],
) -> None:
    listed = {"aggregates": list(messages), "messages": list(messages.values())}
    common = f"WITH c AS ({CHECKOUTS})"
    is_inbox = "source" in parameters
    insert = STREAMS.format(
        table=table,
        source="source," if is_inbox else "",
        named="%(source)s::text," if is_inbox else "",
    )
    connection.execute(f"{common} {insert}".encode(), {**parameters, **listed})
    if is_inbox:
        connection.execute(f"{common} {INBOX}".encode(), {**parameters, **listed})


def _add_entries(site: psycopg.Connection[Any], numbers: Mapping[str, Any], common: str) -> None:
    streams = [
        (source, aggregate, count)
        for source, messages in MESSAGES.items()
        for aggregate, count in messages.items()
    ]
    sources, aggregates, counts = zip(*streams, strict=True)
    row = site.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()
    listed = {
        "before": row[0] if row else 0,
        "sources": list(sources),
        "aggregates": list(aggregates),
        "messages": list(counts),
    }
    site.execute(JOURNAL.format(c=common).encode(), {**numbers, **listed})
    site.execute(f"WITH {common} {COPIED}".encode(), numbers)
