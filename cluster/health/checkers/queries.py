"""The checkers' queries of each database, by topic.

They share no statement with the packages whose tables they audit: a mistake in a query of those
must not hide itself.

Queries named PAIRS_… return (part, key, value), too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.health.checkers.snapshot import Pairs
from config.environment import DATABASES

PRODUCT_BOOKS: Final = """
    SELECT p.sku, p.listed, p.available, p.reserved, p.sold,
           coalesce(r.quantity, 0)::bigint, coalesce(s.quantity, 0)::bigint,
           coalesce(b.quantity, 0)::bigint
      FROM product p
      LEFT JOIN (SELECT sku, sum(quantity) AS quantity FROM reservation
                  WHERE state = 'reserved' GROUP BY sku) r USING (sku)
      LEFT JOIN (SELECT sku, sum(quantity) AS quantity
                   FROM (SELECT sku, quantity FROM sale
                         UNION ALL
                         SELECT key, amount FROM opening_balance WHERE name = 'sale') AS sales
                  GROUP BY sku) s USING (sku)
      LEFT JOIN (SELECT sku, sum(quantity) AS quantity
                   FROM (SELECT sku, quantity FROM stock_return
                         UNION ALL
                         SELECT key, amount FROM opening_balance WHERE name = 'stock_return')
                     AS returns
                  GROUP BY sku) b USING (sku)
     ORDER BY p.sku
"""

VISITOR_BOOKS: Final = """
    SELECT v.visitor, v.limit_amount, v.held, v.spent,
           coalesce(h.amount, 0)::bigint, coalesce(s.amount, 0)::bigint,
           coalesce(b.amount, 0)::bigint
      FROM visitor_limit v
      LEFT JOIN (SELECT visitor, sum(amount) AS amount FROM hold
                  WHERE state = 'held' GROUP BY visitor) h USING (visitor)
      LEFT JOIN (SELECT visitor, sum(amount) AS amount
                   FROM (SELECT visitor, amount FROM spend
                         UNION ALL
                         SELECT key, amount FROM opening_balance WHERE name = 'spend') AS spends
                  GROUP BY visitor) s USING (visitor)
      LEFT JOIN (SELECT visitor, sum(amount) AS amount
                   FROM (SELECT visitor, amount FROM limit_restoration
                         UNION ALL
                         SELECT key, amount FROM opening_balance WHERE name = 'limit_restoration')
                     AS restorations
                  GROUP BY visitor) b USING (visitor)
"""

# Entries, their sum with that of the closed ones, transactions, and the number of those that do
# not sum to zero.
LEDGER: Final = """
    SELECT coalesce(sum(entries), 0)::bigint,
           (coalesce(sum(amount), 0)
            + (SELECT coalesce(sum(amount), 0) FROM opening_balance WHERE name = 'ledger'))::bigint,
           count(*), count(*) FILTER (WHERE amount <> 0)
      FROM (SELECT count(*) AS entries, sum(amount) AS amount
              FROM ledger_entry GROUP BY transaction) AS transactions
"""
UNBALANCED: Final = """
    SELECT transaction, sum(amount)::bigint FROM ledger_entry
     GROUP BY transaction HAVING sum(amount) <> 0
"""
# Balances by payment: authorised and merchant (captured); only those that are not zero. Those of
# all closed payments are one.
BALANCES: Final = """
    SELECT payment::text,
           coalesce(sum(amount) FILTER (WHERE account = 'authorised'), 0)::bigint AS authorised,
           coalesce(sum(amount) FILTER (WHERE account = 'merchant'), 0)::bigint AS captured
      FROM ledger_entry GROUP BY payment
    HAVING sum(amount) FILTER (WHERE account = 'authorised') <> 0
        OR sum(amount) FILTER (WHERE account = 'merchant') <> 0
    UNION ALL
    SELECT 'closed', coalesce(sum(amount) FILTER (WHERE key = 'authorised'), 0)::bigint,
           coalesce(sum(amount) FILTER (WHERE key = 'merchant'), 0)::bigint
      FROM opening_balance WHERE name = 'ledger'
    HAVING count(*) > 0
"""
# What the ledger has authorised and captured of all payments.
TOTAL: Final = """
    SELECT coalesce(sum(amount) FILTER (WHERE account = 'authorised'), 0)::bigint,
           coalesce(sum(amount) FILTER (WHERE account = 'merchant'), 0)::bigint
      FROM (SELECT account, amount FROM ledger_entry
            UNION ALL
            SELECT key, amount FROM opening_balance WHERE name = 'ledger') AS entries
"""
PAYMENTS: Final = "SELECT count(*) FROM payment"

# The money captured for a checkout, before refunds that the visitor asked for later.
CAPTURED: Final = Pairs(
    "payments",
    """
    SELECT '', payment::text, sum(amount)::text
      FROM (SELECT payment, amount FROM ledger_entry WHERE account = 'merchant'
            UNION ALL
            SELECT order_id, amount FROM refund WHERE state = 'settled') AS taken
     GROUP BY payment HAVING sum(amount) <> 0
""",
    relation="captured",
)
AMOUNTS: Final = Pairs(
    "checkout",
    """
    SELECT '', id::text, context->>'amount' FROM saga
     WHERE definition = 'checkout' AND state = 'completed'
""",
    relation="amounts",
)
BOUGHT: Final = Pairs(
    "checkout",
    """
    SELECT '', id::text, (context->>'quantity') || ' x ' || (context->>'sku') FROM saga
     WHERE definition = 'checkout' AND state = 'completed'
""",
    relation="bought",
)
SOLD: Final = Pairs(
    "catalog", "SELECT '', id::text, quantity || ' x ' || sku FROM sale", relation="sold"
)
SPENT: Final = Pairs("identity", "SELECT '', id::text, amount::text FROM spend", relation="spent")

SAGAS: Final = "SELECT count(*) FROM saga"
# A compensation's command is repeated within a minute at most, after any failure.
UNENDED_SAGAS: Final = """
    SELECT id::text, state, position::text, coalesce(deadline, updated_at) < now() - interval '60 s'
      FROM saga WHERE state IN ('running', 'compensating') ORDER BY started_at
"""
REFUNDS: Final = "SELECT count(*) FROM refund"
UNENDED_REFUNDS: Final = "SELECT id::text, state FROM refund WHERE state = 'requested'"


# By kind of row: the state in which a completed checkout leaves it.
LEFT_BEHIND: Final = {"hold": "spent", "reservation": "sold", "order": "fulfilled"}


def left_behind(state: str) -> Pairs:
    """Return the state that each completed checkout must have left in a service."""
    query = """
    SELECT '', id::text, %(state)s::text FROM saga
     WHERE definition = 'checkout' AND state = 'completed'
"""
    return Pairs("checkout", query, {"state": state}, relation=f"left behind {state}")


HOLDS: Final = Pairs(
    "identity",
    "SELECT '', id::text, state FROM hold WHERE state IN ('held', 'spent')",
    relation="holds",
)
RESERVATIONS: Final = Pairs(
    "catalog",
    """
    SELECT '', id::text, state FROM reservation WHERE state IN ('reserved', 'sold')
""",
    relation="reservations",
)
ORDERS: Final = Pairs(
    "orders",
    """
    SELECT '', id::text,
           CASE WHEN state IN ('refunding', 'refunded') THEN 'fulfilled' ELSE state END
      FROM orders WHERE state <> 'cancelled'
""",
    relation="orders",
)

REFUNDS_COMPLETED: Final = Pairs(
    "orders",
    "SELECT '', id::text, 'done' FROM refund WHERE state = 'completed'",
    relation="refunds completed",
)
RETURNED: Final = Pairs(
    "catalog", "SELECT '', id::text, 'done' FROM stock_return", relation="returned"
)
RESTORED: Final = Pairs(
    "identity", "SELECT '', id::text, 'done' FROM limit_restoration", relation="restored"
)

# By database: the version of every aggregate beside the messages announced about it.
PAIRS_VERSIONS: Final = {
    "site": """
        SELECT '', 'saga/' || id, '1' FROM checkout_request
        UNION ALL SELECT '', 'refund/' || id, '1' FROM refund_request
        UNION ALL SELECT '', 'erasure/' || id, '1' FROM erasure_request""",
    "identity": """
        SELECT '', 'hold/' || id, version::text FROM hold WHERE version > 0
        UNION ALL SELECT '', 'spend/' || id, '1' FROM spend
        UNION ALL SELECT '', 'refund/' || id, '1' FROM limit_restoration
        UNION ALL SELECT '', 'erasure/' || id, version::text FROM erasure""",
    "catalog": """
        SELECT '', 'product/' || id, version::text FROM product WHERE version > 0
        UNION ALL SELECT '', 'reservation/' || id, version::text FROM reservation WHERE version > 0
        UNION ALL SELECT '', 'sale/' || id, '1' FROM sale
        UNION ALL SELECT '', 'refund/' || id, '1' FROM stock_return""",
    "orders": """
        SELECT '', 'order/' || id, version::text FROM orders WHERE version > 0
        UNION ALL SELECT '', 'refund/' || id, version::text FROM refund WHERE version > 0""",
    "payments": """
        SELECT '', 'payment/' || id, version::text FROM payment WHERE version > 0
        UNION ALL SELECT '', 'refund/' || id, version::text FROM refund WHERE version > 0""",
    "checkout": "SELECT '', 'saga/' || id, messages_sent::text FROM saga WHERE messages_sent > 0",
}
PAIRS_ANNOUNCED: Final = {
    # The site also sends commands about products, of which it keeps no row.
    "site": """
        SELECT '', subject, last_sequence::text FROM outbox_stream
         WHERE split_part(subject, '/', 1) IN ('saga', 'refund', 'erasure')""",
    # All messages of identity about an erasure have a row, while other services only answer.
    # Rows of tokens are deleted a while after their end.
    "identity": """
        SELECT '', subject, last_sequence::text FROM outbox_stream
         WHERE split_part(subject, '/', 1) NOT IN ('notice', 'token')""",
    # A saga sends messages about six aggregates, all under its own id.
    "checkout": """
        SELECT '', 'saga/' || split_part(subject, '/', 2), sum(last_sequence)::text
          FROM outbox_stream WHERE split_part(subject, '/', 1) NOT IN ('notice', 'erasure')
         GROUP BY 2""",
}
# A refused amendment leaves no row.
PAIRS_ANNOUNCED_ELSEWHERE: Final = """
    SELECT '', subject, last_sequence::text FROM outbox_stream
     WHERE split_part(subject, '/', 1) NOT IN ('notice', 'erasure', 'amendment')
"""


def versions(name: str) -> Pairs:
    """Return the version of every aggregate of a database."""
    return Pairs(name, PAIRS_VERSIONS[name], relation="versions")


def announced(name: str) -> Pairs:
    """Return the number of messages announced about every aggregate of a database."""
    query = PAIRS_ANNOUNCED.get(name, PAIRS_ANNOUNCED_ELSEWHERE)
    return Pairs(name, query, relation="announced")


JOURNAL_EXTENT: Final = "SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0) FROM journal"
JOURNAL_GAPS: Final = """
    SELECT seq, following FROM (SELECT seq, lead(seq) OVER (ORDER BY seq) AS following FROM journal)
        AS entries
     WHERE following <> seq + 1 ORDER BY seq LIMIT 11
"""
# Entries from before this moment were pruned. '-infinity': none were.
JOURNAL_SINCE: Final = """
    SELECT coalesce((SELECT CASE WHEN seq = 1 THEN '-infinity' ELSE recorded_at::text END
                       FROM journal ORDER BY seq LIMIT 1), '-infinity')
"""
# The last sequence of each outbox stream, and the journal's: "n of last" if it is not whole.
PAIRS_OUTBOX_STREAMS: Final = """
    SELECT %(source)s::text, subject, last_sequence::text FROM outbox_stream
     WHERE updated_at >= %(since)s::timestamptz
"""
PAIRS_JOURNALLED: Final = """
    SELECT source, subject,
           CASE WHEN messages = last - first + 1 AND (first = 1 OR %(pruned)s) THEN last::text
                ELSE messages || ' of ' || last END
      FROM (SELECT source, subject, count(*) AS messages,
                   min(sequence) AS first, max(sequence) AS last
              FROM journal WHERE source = ANY (%(sources)s) GROUP BY source, subject) AS streams
"""


def sent_to(receiver: str, source: str, aggregates: Sequence[str]) -> Pairs:
    """Return the last sequence of each outbox stream of a source for one receiver."""
    query = """
    SELECT %(source)s::text, subject, last_sequence::text FROM outbox_stream
     WHERE split_part(subject, '/', 1) = ANY (%(aggregates)s)
"""
    parameters = {"source": source, "aggregates": aggregates}
    return Pairs(source, query, parameters, relation=f"sent to {receiver}")


def applied(receiver: str) -> Pairs:
    """Return the last sequence that a receiver has applied of each stream."""
    query = """
    SELECT source, subject, last_sequence::text FROM inbox_stream
     WHERE source = ANY (%(sources)s)
"""
    return Pairs(receiver, query, {"sources": list(DATABASES)}, relation="applied")


INBOX: Final = "SELECT count(*) FROM inbox"
REPEATED: Final = "SELECT message_id::text, type, applied FROM inbox WHERE applied <> 1 LIMIT 1000"
# Of the messages applied in the last day: each whose sequence does not follow the one
# applied before it in its stream, and each stream whose position is not the sequence applied
# last. The inbox is purged after a week, and messages from before this day are left out
# by place, not by time alone: transactions that overlap commit in another order than they began.
MISPLACED: Final = """
    WITH recent AS (
        SELECT source, subject, sequence, place FROM inbox
         WHERE applied_at > now() - interval '1 day'
           AND place > coalesce((SELECT max(place) FROM inbox
                                  WHERE applied_at > now() - interval '1 day 10 minutes'
                                    AND applied_at <= now() - interval '1 day'), 0)
    ), followed AS (
        SELECT *, lag(sequence) OVER stream AS before, lead(sequence) OVER stream AS after
          FROM recent WINDOW stream AS (PARTITION BY source, subject ORDER BY place)
    )
    SELECT source, subject, sequence, before, NULL AS position FROM followed
     WHERE sequence <> before + 1
    UNION ALL
    SELECT source, subject, sequence, before, coalesce(last_sequence, 0) FROM followed
      LEFT JOIN inbox_stream USING (source, subject)
     WHERE after IS NULL AND sequence IS DISTINCT FROM last_sequence
       AND (last_sequence IS NOT NULL OR split_part(subject, '/', 2)
            >= coalesce((SELECT first_kept::text FROM closed_history), '') COLLATE "C")
     LIMIT 1000
"""
PARKED: Final = "SELECT source, subject, sequence FROM parked ORDER BY parked_at LIMIT 1000"
INBOX_STREAMS: Final = "SELECT count(*) FROM inbox_stream"
DEDUPLICATED: Final = (
    "SELECT coalesce(sum(value), 0)::bigint FROM counter WHERE name = 'deduplicated'"
)
DEAD_LETTERS: Final = "SELECT count(*) FROM dead_letter"
UNREPLAYED: Final = """
    SELECT id, type, reason, source, subject, coalesce(sequence, 0) FROM dead_letter
     WHERE replayed_at IS NULL ORDER BY id LIMIT 1000
"""
ANNOUNCED: Final = """
    SELECT subject, last_sequence FROM outbox_stream WHERE subject = ANY (%(subjects)s)
"""
# To sort the whole journal would take longer than all other queries.
OVERTAKEN: Final = """
    SELECT count(*), count(*) FILTER (WHERE sequence < highest)
      FROM (SELECT sequence, max(sequence) OVER (PARTITION BY source, subject ORDER BY seq
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS highest
              FROM (SELECT * FROM journal ORDER BY seq DESC LIMIT 20000) AS latest) AS arrivals
"""
