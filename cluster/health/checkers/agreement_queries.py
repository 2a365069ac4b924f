"""The queries for `agreement.py`: the facts in the rows of one thing, and the digests.

A value is a list of facts, one a line, each `name value`. For a checkout and a refund, the
coordinator's rows give the facts that every other row must have after its steps so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cluster.catalog.repository import product_digest
from cluster.health.checkers.snapshot import Pairs
from cluster.identity.repository import limit_digest
from cluster.identity.tokens import FAMILY_DIGEST
from cluster.messaging.row_digest import entry_digest

# An erasure renames these in the rows that are kept, and may come between the closings of two
# services. So of an id that any of them may have closed they are left out on both sides.
_ERASABLE: Final = ("visitor", "card")


def _pairs(database: str, rows: str, /, *, relation: str = "", **facts: str) -> Pairs:
    """Return facts about rows, where `rows` is what follows FROM. A fact that is null is left out.

    A fact is an SQL expression, and so is the id of a row if it is not just `id`.
    """
    id_ = facts.pop("id", "id")
    facts |= {
        name: f"CASE WHEN {id_} >= %(first_kept)s::uuid THEN {facts[name]} END"
        for name in _ERASABLE
        if name in facts
    }
    lines = ", ".join(f"'{name} ' || ({sql})" for name, sql in sorted(facts.items()))
    query = f"SELECT '', {id_}::text, concat_ws(chr(10), {lines}) FROM {rows}"  # noqa: S608 - no input
    return Pairs(database, query, relation=relation)


def _columns(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _of_context(*names: str) -> dict[str, str]:
    return {name: f"context->>'{name}'" for name in names}


_ENDED_AT: Final = "extract(epoch FROM ended_at)"
_WHAT: Final = ("visitor", "sku", "quantity", "amount", "card")
# The facts about a request whose saga gives a reason only when it is not completed.
_REQUESTED: Final = {
    "status": "status",
    "ended_at": _ENDED_AT,
    "reason": "CASE WHEN status = 'completed' THEN reason END",
}
# The same facts about its saga, where a service keeps it as a row with a state.
_CARRIED_OUT: Final = {
    "status": "state",
    "ended_at": "CASE WHEN state <> 'requested' THEN extract(epoch FROM updated_at) END",
    "reason": "CASE WHEN state = 'completed' THEN '' END",
}

CHECKOUT_REQUESTS: Final = _pairs(
    "site",
    "checkout_request",
    relation="checkout requests",
    ended_at=_ENDED_AT,
    **_columns("status", "reason", *_WHAT),
)
SAGAS: Final = _pairs(
    "checkout",
    "saga WHERE definition = 'checkout'",
    relation="sagas",
    status="state",
    reason="reason",
    ended_at=_ENDED_AT,
    **_of_context(*_WHAT),
)
REFUND_REQUESTS: Final = _pairs(
    "site", "refund_request", relation="refund requests", order_id="order_id", **_REQUESTED
)
REFUNDS: Final = _pairs("orders", "refund", relation="refunds", order_id="order_id", **_CARRIED_OUT)
# Completed refunds, and the money paid back for them.
REFUNDED: Final = _pairs(
    "orders",
    "refund r JOIN orders o ON o.id = r.order_id WHERE r.state = 'completed'",
    id="r.id",
    relation="refunded",
    **_columns("order_id", *_WHAT[:-1]),
)
PAID_BACK: Final = _pairs(
    "payments",
    "refund WHERE state = 'settled'",
    relation="paid back",
    **_columns("order_id", *_WHAT[:-1]),
)
ERASURE_REQUESTS: Final = _pairs(
    "site", "erasure_request", relation="erasure requests", visitor="visitor", **_REQUESTED
)
ERASURES: Final = _pairs(
    "identity", "erasure", relation="erasures", visitor="visitor", **_CARRIED_OUT
)


def _expected(step: int, *, where: str = "true", **facts: str) -> Pairs:
    """Return the row that a step of each saga that has ended must have left."""
    return _pairs(
        "checkout",
        "saga WHERE definition = 'checkout' AND state IN ('completed', 'compensated') "
        f"AND steps->{step}->>'outcome' IS NOT NULL AND {where}",
        **facts,
    )


def _state(step: int, *, completed: str, refused: str, undone: str) -> str:
    """Return the SQL of a step's expected state, `undone` wherever there was a compensation."""
    return (
        f"CASE WHEN state = 'completed' THEN '{completed}' "
        f"WHEN steps->{step}->>'undo' IS NULL THEN '{refused}' ELSE {undone} END"
    )


# Demos reserve stock and pay without a checkout. Marks that only their rows have leave them
# out on both sides, since the rows of a bucket that differs have to be read.
_NO_DEMO_SKU: Final = "left(context->>'sku', 5) <> 'DEMO-'"
_NO_DEMO_CARD: Final = "NOT (context->>'card' = 'tok_reordered' AND state = 'compensated')"

# What the sagas expect of a service's rows, and what there is.
AGREED: Final = (
    (
        _expected(
            0,
            **_of_context("visitor", "amount"),
            state=_state(0, completed="spent", refused="refused", undone="'released'"),
        ),
        _pairs("identity", "hold", **_columns("visitor", "amount", "state")),
    ),
    (
        _expected(
            1,
            where=_NO_DEMO_SKU,
            **_of_context("sku", "quantity"),
            # Undone without a command of the saga: it has expired.
            state=_state(
                1,
                completed="sold",
                refused="refused",
                undone="CASE WHEN steps->1->>'undo_sends' IS NULL THEN 'expired' "
                "ELSE 'released' END",
            ),
        ),
        _pairs(
            "catalog",
            "reservation WHERE left(sku, 5) <> 'DEMO-'",
            **_columns("sku", "quantity", "state"),
        ),
    ),
    (
        _expected(
            3,
            **_of_context("visitor", "sku", "quantity", "amount"),
            state=_state(3, completed="fulfilled", refused="cancelled", undone="'cancelled'"),
        ),
        _pairs(
            "orders",
            "orders",
            **_columns("visitor", "sku", "quantity", "amount"),
            state="CASE WHEN starts_with(state, 'refund') THEN 'fulfilled' ELSE state END",
        ),
    ),
    (
        _expected(
            2,
            where=_NO_DEMO_CARD,
            **_of_context("amount", "card"),
            state=_state(2, completed="captured", refused="declined", undone="'voided'"),
            reason="CASE WHEN state = 'completed' THEN '' "
            "WHEN steps->2->>'undo' IS NULL AND failed_step = 'authorise_payment' THEN reason END",
        ),
        # 2: the goal is still a capture, and the refund saga has paid it back.
        _pairs(
            "payments",
            "payment WHERE NOT (card = 'tok_reordered' AND state = 'voided')",
            **_columns("amount", "card"),
            state="CASE WHEN state = 'refunded' AND wish = 2 THEN 'captured' ELSE state END",
            reason="CASE WHEN state IN ('captured', 'declined') OR wish = 2 THEN reason END",
        ),
    ),
)

# By database: rows that contradict their own columns or their neighbours, and in which.
CONTRADICTIONS: Final[Mapping[str, str]] = {
    "site": """
        SELECT sku, 'fed_by' FROM product p LEFT JOIN journal j ON j.seq = p.fed_by
         WHERE fed_by >= (SELECT min(seq) FROM journal)
           AND (j.seq IS NULL OR j.sequence <> p.version
                OR j.envelope#>>'{data,sku}' IS DISTINCT FROM p.sku)""",
    "identity": """
        SELECT id::text, concat_ws(', ',
               CASE WHEN (state = 'requested') <> (ask_again_at IS NOT NULL)
                    THEN 'ask_again_at' END,
               CASE WHEN state = 'completed' AND 5 <> (
                         SELECT count(*) FROM jsonb_each(receipts)
                          WHERE value->>'attempt' = (version - 1)::text)
                    THEN 'receipts' END)
          FROM erasure""",
    "orders": """
        SELECT o.id::text, CASE WHEN (o.state = 'refunded') <> coalesce(r.completed, false)
                                  OR (o.state = 'refunding') <> coalesce(r.requested, false)
                                THEN 'state' END
          FROM orders o
          LEFT JOIN (SELECT order_id, bool_or(state = 'completed') AS completed,
                            bool_or(state = 'requested') AS requested
                       FROM refund GROUP BY order_id) r ON r.order_id = o.id
        UNION ALL
        SELECT id::text, concat_ws(', ',
               CASE WHEN (state = 'completed') > money_back THEN 'money_back' END,
               CASE WHEN (state = 'completed') > stock_back THEN 'stock_back' END,
               CASE WHEN (state = 'completed') > limit_back THEN 'limit_back' END,
               CASE WHEN state IN ('refused', 'abandoned')
                     AND (money_back OR stock_back OR limit_back) THEN 'state' END)
          FROM refund""",
    # The ledger has the provider's answers, and the state is the one that `wish` asks for.
    "payments": """
        SELECT p.id::text, concat_ws(', ',
               CASE WHEN p.authorised <> coalesce(l.authorised, 0) THEN 'authorised' END,
               CASE WHEN p.captured <> coalesce(l.captured, 0) THEN 'captured' END,
               CASE WHEN p.voided <> coalesce(l.voided, 0) THEN 'voided' END,
               CASE WHEN p.refunded <> coalesce(l.refunded, 0) THEN 'refunded' END,
               CASE WHEN (p.authorised > 0) <> (p.authorisation = 'granted')
                    THEN 'authorisation' END,
               CASE WHEN l.total <> 0 OR NOT l.known THEN 'ledger' END,
               CASE WHEN p.correlation <> p.id THEN 'correlation' END,
               CASE WHEN p.contradictions > 1 THEN 'contradictions' END,
               CASE WHEN (awaiting IS NULL) <> (awaiting_kind IS NULL) THEN 'awaiting' END,
               CASE WHEN awaiting IS NULL AND p.refund IS NOT NULL THEN 'refund' END,
               CASE WHEN awaiting IS NULL AND owed <> 0 AND authorisation <> 'asked'
                    THEN 'owed' END,
               CASE WHEN awaiting IS NULL AND p.state <> CASE wish
                         WHEN 8 THEN 'voided'
                         WHEN 4 THEN 'refunded'
                         WHEN 2 THEN CASE WHEN p.captured > p.refunded THEN 'captured'
                                          WHEN p.refunded > 0 THEN 'refunded'
                                          ELSE 'capture_refused' END
                         WHEN 1 THEN CASE authorisation
                                         WHEN 'none' THEN 'declined'
                                         WHEN 'asked' THEN 'authorising'
                                         WHEN 'abandoned' THEN 'voided'
                                         WHEN 'granted' THEN 'authorised' ELSE authorisation END
                         ELSE '' END
                    THEN 'state' END,
               CASE WHEN awaiting IS NULL AND wish = 2 AND p.refunded <> coalesce(r.settled, 0)
                    THEN 'refunded' END,
               CASE WHEN p.state = 'captured' AND r.order_id IS NULL AND operations <> 2
                    THEN 'operations' END)
          FROM payment p
          LEFT JOIN (SELECT payment, sum(amount) AS total,
                            bool_and(account IN ('customer', 'authorised', 'merchant')) AS known,
                            sum(amount) FILTER (WHERE account = 'authorised' AND
                                starts_with(transaction, 'authorised ')) AS authorised,
                            sum(amount) FILTER (WHERE account = 'merchant' AND
                                starts_with(transaction, 'captured ')) AS captured,
                            -sum(amount) FILTER (WHERE account = 'authorised' AND
                                starts_with(transaction, 'voided ')) AS voided,
                            -sum(amount) FILTER (WHERE account = 'merchant' AND
                                starts_with(transaction, 'refunded ')) AS refunded
                       FROM ledger_entry GROUP BY payment) l ON l.payment = p.id
          LEFT JOIN (SELECT order_id, sum(amount) FILTER (WHERE state = 'settled') AS settled
                       FROM refund GROUP BY order_id) r ON r.order_id = p.id
        UNION ALL
        SELECT id::text, concat_ws(', ',
               CASE WHEN correlation <> id THEN 'correlation' END,
               CASE WHEN (state = 'failed') <> (reason <> '') THEN 'reason' END)
          FROM refund""",
    "checkout": """
        SELECT s.id::text, concat_ws(', ',
               CASE WHEN deadline IS NOT NULL THEN 'deadline' END,
               CASE WHEN ended_at IS NULL THEN 'ended_at' END,
               CASE WHEN started_at <> (steps->0->>'asked_at')::timestamptz
                    THEN 'started_at' END,
               CASE WHEN (state = 'completed') <> (reason = '') THEN 'reason' END,
               CASE WHEN state = 'completed' AND failed_step <> '' OR state = 'compensated'
                         AND NOT steps @> jsonb_build_array(jsonb_build_object('name', failed_step))
                    THEN 'failed_step' END,
               CASE WHEN step.wrong OR (state = 'completed') <> step.all_done
                         OR step.number <> 5 THEN 'steps' END,
               CASE WHEN position <> coalesce(step.undone, step.asked) THEN 'position' END,
               CASE WHEN version <> coalesce(told.events, 0) THEN 'version' END)
          FROM saga s
          JOIN LATERAL (
              SELECT count(*) AS number,
                     bool_and(outcome IS NOT DISTINCT FROM 'done' AND undo IS NULL) AS all_done,
                     bool_or(s.state = 'compensated' AND undo IS DISTINCT FROM 'done'
                             AND outcome IN ('done', 'missed', 'late')) AS wrong,
                     min(index) FILTER (WHERE sends IS NOT NULL) - 1 AS undone,
                     max(index) FILTER (WHERE outcome IS NOT NULL) - 1 AS asked
                FROM (SELECT index, one->>'outcome' AS outcome, one->>'undo' AS undo,
                             one->>'undo_sends' AS sends
                        FROM jsonb_array_elements(s.steps) WITH ORDINALITY AS t (one, index))
                  AS history
          ) AS step ON true
          LEFT JOIN (SELECT split_part(subject, '/', 2) AS id, sum(last_sequence) AS events
                       FROM outbox_stream
                      WHERE split_part(subject, '/', 1) IN ('saga', 'checkout') GROUP BY 1) AS told
                 ON told.id = s.id::text
         WHERE definition = 'checkout' AND state IN ('completed', 'compensated')""",
}


# By database: each row that should have a digest, whether it has one, and whether it is right.
_DIGESTS: Final[Mapping[str, str]] = {
    "site": f"""
        SELECT 'journal ' || seq AS name, digest, {entry_digest(envelope="envelope")} AS now
          FROM journal""",  # noqa: S608
    "identity": f"""
        SELECT 'visitor_limit ' || visitor AS name, digest,
               {limit_digest("visitor", "limit_amount")} AS now
          FROM visitor_limit
        UNION ALL
        SELECT 'token_family ' || id, digest, {FAMILY_DIGEST} FROM token_family""",  # noqa: S608
    "catalog": f"""
        SELECT 'product ' || sku AS name, digest, {product_digest()} AS now FROM product
        """,  # noqa: S608
}
# The numbers of rows with a digest and of rows older than digests, and the wrong ones.
DIGESTS: Final = {
    name: f"SELECT count(digest), count(*) - count(digest) FROM ({rows}) AS rows"  # noqa: S608
    for name, rows in _DIGESTS.items()
}
WRONG_DIGESTS: Final = {
    name: f"SELECT name FROM ({rows}) AS t WHERE digest IS NOT NULL AND digest <> now LIMIT 1000"  # noqa: S608
    for name, rows in _DIGESTS.items()
}
CONTRADICTIONS_CHECKED: Final[Mapping[str, str]] = {
    "site": "SELECT count(*) FROM product",
    "identity": "SELECT count(*) FROM erasure",
    "orders": "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM refund)",
    "payments": "SELECT (SELECT count(*) FROM payment) + (SELECT count(*) FROM refund)",
    "checkout": "SELECT count(*) FROM saga WHERE ended_at IS NOT NULL",
}
CONTRADICTING: Final = {
    name: f"SELECT id, wrong FROM ({rows}) AS t (id, wrong) WHERE wrong <> '' LIMIT 1000"  # noqa: S608
    for name, rows in CONTRADICTIONS.items()
}

# The catalogue and the site's copy, which has a `version` once an event has updated it.
CATALOGUE: Final = "SELECT sku, name, price, version, restock_to > 0 FROM product"
CATALOGUE_COPY: Final = "SELECT sku, name, price, version, restocked, fed_by > 0 FROM product"
