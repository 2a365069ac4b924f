"""Changes of rows that break each invariant, and that no protected process would make.

Each stands for a mistake of an operator or an attack on one database. Its last statement
returns the name of the row that it changed, which the counterexample has to contain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cluster.health.checkers.invariants import INVARIANTS, RECEIVERS

# The provider keeps its books outside our databases.
PROVIDER: Final = "provider"


@dataclass(frozen=True, slots=True)
class Tampering:
    """One change to one database. `follows` names the invariants that it breaks besides."""

    invariant: str
    database: str
    change: str
    follows: tuple[str, ...] = ()
    first: str = "SELECT 1"
    variant: str = ""

    @property
    def name(self) -> str:
        """The registry's name for the proof of this invariant, with its variant if any."""
        slug = INVARIANTS[self.invariant].slug
        return f"{slug}, {self.variant}" if self.variant else slug


# The column with the time of a row, where that is not `created_at`.
_BEGAN: Final = {
    "saga": "started_at",
    "checkout_request": "accepted_at",
    "refund_request": "accepted_at",
    "erasure_request": "accepted_at",
    "ledger_entry": "id",
    "sale": "at",
    "spend": "at",
    "stock_return": "at",
    "limit_restoration": "at",
}


def first_of(table: str, where: str) -> str:
    """Return the SQL of the id of the oldest row of a table that fulfils a condition."""
    began = _BEGAN.get(table, "created_at")
    return f"(SELECT id FROM {table} WHERE {where} ORDER BY {began} LIMIT 1)"


def _changed(table: str, change: str, where: str, *, returning: str = "id") -> str:
    return f"UPDATE {table} SET {change} WHERE id = {first_of(table, where)} RETURNING {returning}"


def _deleted(table: str, where: str = "true", *, returning: str = "id") -> str:
    return f"DELETE FROM {table} WHERE id = {first_of(table, where)} RETURNING {returning}"


# A product that is not restocked, and which the ambient load does not touch either.
SCARCE: Final = "(SELECT id FROM product WHERE restock_to = 0 ORDER BY id LIMIT 1)"

STOCK: Final = (
    Tampering(
        "stock conserved", "catalog",
        f"""UPDATE product SET reserved = reserved + 1, listed = listed + 1
             WHERE id = {SCARCE} RETURNING sku""",
        follows=("digests hold: catalog",),
    ),
    Tampering(
        "stock conserved", "catalog",
        f"""UPDATE product SET available = -1, listed = reserved + sold - 1
             WHERE id = {SCARCE} RETURNING sku || ': oversold'""",
        first="ALTER TABLE product DROP CONSTRAINT stock_never_negative",
        follows=("digests hold: catalog",),
        variant="oversold",
    ),
    Tampering(
        "sales match checkouts", "catalog",
        _deleted("sale"),
        follows=("stock conserved", "state and messages agree: catalog"),
    ),
    Tampering(
        "sales match checkouts", "checkout",
        _changed("saga", "context = context || '{\"quantity\": 7}'", "state = 'completed'"),
        follows=(
            "every checkout answered", "checkouts agree: catalog", "checkouts agree: orders",
        ),
        variant="another quantity",
    ),
)  # fmt: skip
MONEY: Final = (
    Tampering(
        "ledger balances", "payments",
        _deleted("ledger_entry", "account = 'customer'", returning="transaction"),
        follows=("rows consistent: payments",),
    ),
    Tampering(
        "nothing left authorised", "payments",
        """INSERT INTO ledger_entry (payment, transaction, account, amount, at)
           SELECT (SELECT payment FROM ledger_entry ORDER BY id LIMIT 1), 'never voided',
                  account, amount, now()
             FROM (VALUES ('customer', -5), ('authorised', 5)) AS lines (account, amount)
           RETURNING payment""",
        follows=("ledger matches the provider",),
    ),
    Tampering("ledger matches the provider", PROVIDER, ""),
    Tampering(
        "captures match checkouts", "payments",
        _changed("refund", "amount = amount + 1", "state = 'settled'", returning="order_id"),
        follows=("refunds: the money is back", "rows consistent: payments"),
    ),
    Tampering(
        "limits conserved", "identity",
        """UPDATE visitor_limit SET held = held + 1, limit_amount = limit_amount + 1
            WHERE visitor = (SELECT visitor FROM spend ORDER BY at LIMIT 1) RETURNING visitor""",
        follows=("digests hold: identity",),
    ),
    Tampering(
        "limits conserved", "identity",
        """UPDATE visitor_limit SET limit_amount = held + spent - 1
            WHERE visitor = (SELECT visitor FROM spend ORDER BY at LIMIT 1)
            RETURNING visitor""",
        first="ALTER TABLE visitor_limit DROP CONSTRAINT limit_not_exceeded",
        follows=("digests hold: identity",),
        variant="overdrawn",
    ),
    Tampering(
        "spending matches checkouts", "identity",
        """WITH changed AS (
               UPDATE spend SET amount = amount + 1
                WHERE id = (SELECT id FROM spend ORDER BY at LIMIT 1) RETURNING id, visitor)
           UPDATE visitor_limit SET spent = spent + 1, limit_amount = limit_amount + 1
             FROM changed WHERE visitor_limit.visitor = changed.visitor RETURNING changed.id""",
        follows=("digests hold: identity",),
    ),
)  # fmt: skip
SAGAS: Final = (
    Tampering(
        "every saga ended", "checkout",
        _changed(
            "saga", "state = 'running', deadline = now() - interval '1 hour'",
            "state = 'compensated'", returning="id || ': running'",
        ),
        follows=("every checkout answered",),
    ),
    Tampering(
        "every checkout answered", "site",
        _changed("checkout_request", "status = 'accepted'", "status = 'completed'"),
    ),
    Tampering(
        "no orphan hold", "identity",
        _changed("hold", "state = 'held'", "state = 'released'"),
        follows=("limits conserved", "checkouts agree: identity"),
    ),
    Tampering(
        "no orphan reservation", "catalog",
        _changed("reservation", "state = 'reserved'", "state = 'released'"),
        follows=("stock conserved", "checkouts agree: catalog"),
    ),
    Tampering(
        "no orphan order", "orders",
        """INSERT INTO orders SELECT copy.* FROM
               (SELECT to_jsonb(orders) AS found FROM orders
                 WHERE state = 'fulfilled' LIMIT 1) AS o,
               jsonb_populate_record(NULL::orders, o.found
                   || jsonb_build_object('id', gen_random_uuid(), 'version', 0)) AS copy
           RETURNING id""",
    ),
    Tampering(
        "every refund ended", "orders",
        _changed("refund", "state = 'requested'", "state = 'completed'"),
        follows=(
            "every refund answered", "refunds: the money is back", "refunds: the items are back",
            "refunds: the limit is back", "rows consistent: orders",
        ),
    ),
    Tampering(
        "every refund answered", "site",
        _changed("refund_request", "status = 'accepted'", "status = 'completed'"),
    ),
    Tampering(
        "refunds: the money is back", "payments",
        _changed("refund", "state = 'failed'", "state = 'settled'"),
        follows=("captures match checkouts", "rows consistent: payments"),
    ),
    Tampering(
        "refunds: the items are back", "catalog",
        _deleted("stock_return"),
        follows=("stock conserved", "state and messages agree: catalog"),
    ),
    Tampering(
        "refunds: the limit is back", "identity",
        _deleted("limit_restoration"),
        follows=("limits conserved", "state and messages agree: identity"),
    ),
    Tampering(
        "every erasure answered", "site",
        _changed("erasure_request", "status = 'accepted'", "status = 'completed'"),
    ),
)  # fmt: skip


def _changed_in_silence(service: str, table: str, aggregate: str) -> Tampering:
    """Return the change of a row without an event, as if the outbox were not atomic."""
    return Tampering(
        f"state and messages agree: {service}", service,
        _changed(
            table, "version = version + 1", "version > 0", returning=f"'{aggregate}/' || id"
        ),
    )  # fmt: skip


def _never_applied(service: str) -> Tampering:
    """Return a change as if the service had acknowledged a message without applying it."""
    return Tampering(
        f"everything applied: {service}", service,
        """UPDATE inbox_stream SET last_sequence = last_sequence - 1
            WHERE (source, subject) = (
                SELECT source, subject FROM inbox_stream ORDER BY updated_at LIMIT 1)
            RETURNING subject""",
        follows=("order per aggregate",),
    )  # fmt: skip


STREAMS: Final = (
    Tampering(
        "state and messages agree: site", "site",
        _deleted("checkout_request", "status = 'completed'", returning="'saga/' || id"),
        follows=("every checkout answered",),
    ),
    _changed_in_silence("identity", "hold", "hold"),
    _changed_in_silence("catalog", "reservation", "reservation"),
    _changed_in_silence("orders", "orders", "order"),
    _changed_in_silence("payments", "payment", "payment"),
    Tampering(
        "state and messages agree: checkout", "checkout",
        _changed(
            "saga", "messages_sent = messages_sent + 1", "state = 'completed'",
            returning="'saga/' || id",
        ),
    ),
    Tampering(
        "stream seen whole", "site",
        """DELETE FROM journal WHERE seq = (SELECT (min(seq) + max(seq)) / 2 FROM journal)
           RETURNING 'seq ' || seq - 1 || ' is followed by ' || seq + 1""",
        follows=("nothing lost",),
    ),
    Tampering(
        "nothing lost", "site",
        "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal) RETURNING subject",
    ),
    Tampering(
        "nothing from nowhere", "site",
        # Far ahead, so that the worker, which goes on journalling, does not need the number.
        """INSERT INTO journal SELECT copy.* FROM
               (SELECT to_jsonb(journal) AS found FROM journal ORDER BY seq LIMIT 1) AS j,
               jsonb_populate_record(NULL::journal, j.found || jsonb_build_object(
                   'seq', 1000000000, 'message_id', gen_random_uuid(), 'source', 'orders',
                   'subject', 'order/' || gen_random_uuid(), 'sequence', 1,
                   'digest', NULL)) AS copy
           RETURNING subject""",
        follows=("stream seen whole",),
    ),
    *(_never_applied(service) for service in RECEIVERS),
)  # fmt: skip
AGREEMENT: Final = (
    Tampering("checkouts agree: identity", "identity",
        _changed("hold", "amount = amount + 1", "state = 'spent'")),
    Tampering("checkouts agree: catalog", "catalog",
        _changed("reservation", "sku = 'another'", "state = 'sold'")),
    Tampering("checkouts agree: orders", "orders",
        _changed("orders", "amount = amount + 1", "state = 'fulfilled'")),
    Tampering("checkouts agree: payments", "payments",
        _changed("payment", "amount = amount + 1", "state = 'captured'")),
    Tampering("rows consistent: site", "site",
        """UPDATE product SET fed_by = (
               SELECT max(seq) FROM journal
                WHERE envelope#>>'{data,sku}' IS DISTINCT FROM product.sku)
            WHERE sku = (SELECT sku FROM product ORDER BY sku LIMIT 1) RETURNING sku"""),
    Tampering("rows consistent: identity", "identity",
        _changed("erasure", "receipts = '{}'", "state = 'completed'")),
    Tampering("rows consistent: orders", "orders",
        _changed("refund", "stock_back = false", "state = 'completed'")),
    Tampering("rows consistent: payments", "payments",
        _changed("payment", "captured = captured + 1", "state = 'captured'")),
    Tampering("rows consistent: checkout", "checkout",
        _changed(
            "saga", """steps = jsonb_set(steps, '{2,outcome}', '"missed"')""",
            "state = 'completed'",
        )),
    Tampering("catalogue agrees", "site",
        """UPDATE product SET price = price + 1
            WHERE sku = (SELECT sku FROM product ORDER BY sku LIMIT 1) RETURNING sku"""),
    Tampering("digests hold: site", "site",
        """UPDATE journal SET envelope = '{}' WHERE seq = (SELECT min(seq) FROM journal)
           RETURNING 'journal ' || seq"""),
    Tampering("digests hold: identity", "identity",
        """UPDATE visitor_limit SET limit_amount = limit_amount + 100
            WHERE visitor = (SELECT visitor FROM spend ORDER BY at LIMIT 1) RETURNING visitor"""),
    Tampering("digests hold: catalog", "catalog",
        f"""UPDATE product SET listed = listed + 1, available = available + 1
             WHERE id = {SCARCE} RETURNING sku"""),
)  # fmt: skip
DELIVERY: Final = (
    Tampering(
        "applied exactly once", "payments",
        """UPDATE inbox SET applied = 2 WHERE message_id = (
               SELECT message_id FROM inbox ORDER BY applied_at LIMIT 1)
           RETURNING message_id || ' 2 times'""",
    ),
    Tampering(
        "order per aggregate", "orders",
        """INSERT INTO parked (source, subject, sequence, message_id, body, parked_at)
           SELECT source, subject, last_sequence + 2, gen_random_uuid(), '', now()
             FROM inbox_stream ORDER BY updated_at LIMIT 1
           RETURNING sequence || ' of ' || source || '''s ' || subject""",
    ),
    Tampering(
        "order per aggregate", "payments",
        """WITH swapped AS (
               UPDATE inbox SET sequence = 3 - sequence
                WHERE sequence IN (1, 2) AND (source, subject) = (
                    SELECT source, subject FROM inbox_stream
                     WHERE last_sequence = 2 ORDER BY updated_at LIMIT 1)
               RETURNING source, subject)
           SELECT 'payments applied 1 of ' || source || '''s ' || subject || ' after 2'
             FROM swapped""",
        variant="the second before the first",
    ),
    Tampering(
        "order per aggregate", "checkout",
        """DELETE FROM inbox WHERE message_id = (
               SELECT message_id FROM inbox WHERE sequence = 2 ORDER BY place LIMIT 1)
           RETURNING source || '''s ' || subject""",
        variant="one left out",
    ),
    Tampering(
        "no message left in the dead letters", "catalog",
        """INSERT INTO dead_letter
               (source, type, subject, sequence, body, reason, detail, created_at, replays)
           SELECT 'catalog', 'catalog.stock_released.v1', subject, last_sequence, '',
                  'permanent', 'refused each time', now(), 0
             FROM outbox_stream ORDER BY updated_at LIMIT 1
           RETURNING 'catalog:' || id""",
    ),
)  # fmt: skip
COUNTED: Final = (
    Tampering(
        "duplicates", "orders",
        """INSERT INTO counter (name, value) VALUES ('deduplicated', 1)
           ON CONFLICT (name) DO UPDATE SET value = counter.value + 1
           RETURNING 'orders ' || value""",
    ),
    Tampering(
        "arrivals out of order", "site",
        # Without a digest, as in an entry of an older platform.
        """UPDATE journal SET sequence = 3 - sequence, digest = NULL
            WHERE sequence IN (1, 2) AND (source, subject) = (
                SELECT source, subject FROM journal WHERE sequence = 2 ORDER BY seq DESC LIMIT 1)
            RETURNING 'came after a later message'""",
    ),
)  # fmt: skip

TAMPERINGS: Final = (*STOCK, *MONEY, *SAGAS, *AGREEMENT, *STREAMS, *DELIVERY)
