"""Every column whose changes no checker finds, each with the reason.

`test_checkers_can_fail.py` changes one row of every other column of every table of the six
databases. The test fails for a new table or column until a checker finds its changes, or this
module lists it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TIME: Final = "when it was written, for people; nothing is decided by it afterwards"
_TRACE: Final = "leads a trace on; no step reads it"
_WORKING: Final = "empty at rest: a row of it is work under way, which verification waits for"
_OWNER: Final = "the owner's words or settings, edited in the admin; no message speaks of them"
_PAGES: Final = "what a page keeps for its visitors; no saga reads it"
_DJANGO: Final = "Django's own book-keeping"
_PLATFORM: Final = "what the observer and the experiments have seen; not of the cluster's work"
_LOGIN: Final = "lets users into the admin; no message speaks of it"
_COPY: Final = "a copy for people beside a message id; the journal's entry has the original"
_CLOSED: Final = "empty until the horizon; `test_closed_history.py` changes each kind of row"

# By table, for all databases.
TABLES: Final[Mapping[str, str]] = {
    "outbox": _WORKING,
    "parked": _WORKING + "; any row is named by `order per aggregate`",
    "provider_request": _WORKING,
    "dead_letter": "kept for people; a replay is judged by its receiver, and its effects by all "
    "that is compared here",
    "opening_balance": _CLOSED,
    "opening_digest": _CLOSED,
    "closed_history": "empty until the horizon; an earlier id names more, a later one less",
    "counter": "counts that only grow; nobody can break them",
    "heartbeat": "overwritten every two seconds; a silent process is named by the health checks",
    "provider_event": "remembers what was heard, for a week; the ledger says what it led to",
    "admission": "how many checkouts may be open: measured anew every two seconds",
    "audience": _PAGES,
    "contact_message": _PAGES,
    "demo_run": _PAGES,
    "demo_scratch": _PAGES,
    "idempotency_key": _PAGES,
    "own_product": _PAGES,
    "revoked_token": _PAGES,
    "token_request": _PAGES,
    "fault_audit": _PLATFORM,
    "experiment_run": _PLATFORM,
    "fault_switch": _PLATFORM,
    "gauge": _PLATFORM,
    "incident": _PLATFORM,
    "outage": _PLATFORM,
    "case_study": _OWNER,
    "owner_link": _OWNER,
    "page": _OWNER,
    "profile": _OWNER,
    "seed_import": _OWNER,
    "recovery_codes": _LOGIN,
}
# By the beginning of the table's name.
PREFIXES: Final[Mapping[str, str]] = {
    "auth_": _DJANGO,
    "axes_": "attempts to log in to the admin, for its lock; no message speaks of them",
    "django_": _DJANGO,
    "otp_": _LOGIN,
    "article": _OWNER,
}
# By table and column, for all databases.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "hold": {"created_at": _TIME, "updated_at": _TIME},
    "spend": {"at": _TIME},
    "limit_restoration": {"at": _TIME},
    "erasure": {"created_at": _TIME},
    "token_family": {"updated_at": _TIME},
    "reservation": {
        "expires_at": "means nothing once the reservation has ended",
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "sale": {"at": _TIME},
    "stock_return": {"at": _TIME},
    "orders": {"created_at": _TIME, "updated_at": _TIME},
    "refund": {
        "created_at": _TIME,
        "updated_at": _TIME + " (that of orders is the end which the site shows, and is compared)",
        "cause": _TRACE,
        "traceparent": _TRACE,
    },
    "payment": {
        "cause": _TRACE,
        "traceparent": _TRACE,
        "asked_at": "when reconciliation asks next; means nothing once all is answered",
        "polls": "when reconciliation asks next; means nothing once all is answered",
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "ledger_entry": {"id": "a number without a meaning", "at": _TIME},
    "saga": {"updated_at": _TIME},
    "outbox_stream": {"updated_at": _TIME},
    "inbox": {"message_id": _COPY, "type": _COPY, "applied_at": _TIME},
    "inbox_stream": {"updated_at": _TIME},
    "checkout_request": {
        "requested_outcome": "what the caller would like to see; the card decides",
        "accepted_at": _TIME,
    },
    "refund_request": {"accepted_at": _TIME},
    "erasure_request": {"accepted_at": _TIME},
}

# The condition of the row to change, which has ended, and which the ambient load does not touch.
ROWS: Final[Mapping[str, str]] = {
    "visitor_limit": "visitor = (SELECT visitor FROM spend ORDER BY at LIMIT 1)",
    "hold": "id = (SELECT id FROM hold WHERE state = 'spent' ORDER BY created_at LIMIT 1)",
    "spend": "id = (SELECT id FROM spend ORDER BY at LIMIT 1)",
    "erasure": "id = (SELECT id FROM erasure WHERE state = 'completed' LIMIT 1)",
    "product": "sku LIKE 'LAST-%' AND sku = (SELECT min(sku) FROM product WHERE sku LIKE 'LAST-%')",
    "reservation": "id = (SELECT id FROM reservation WHERE state = 'sold'"
    " ORDER BY created_at LIMIT 1)",
    "sale": "id = (SELECT id FROM sale ORDER BY at LIMIT 1)",
    "orders": "id = (SELECT id FROM orders WHERE state = 'fulfilled' ORDER BY created_at LIMIT 1)",
    "payment": "id = (SELECT id FROM payment WHERE state = 'captured'"
    " AND id NOT IN (SELECT order_id FROM refund) ORDER BY created_at LIMIT 1)",
    "ledger_entry": "id = (SELECT id FROM ledger_entry ORDER BY id LIMIT 1)",
    "saga": "id = (SELECT id FROM saga WHERE state = 'completed' ORDER BY started_at LIMIT 1)",
    "checkout_request": "id = (SELECT id FROM checkout_request WHERE status = 'completed'"
    " ORDER BY accepted_at LIMIT 1)",
    "erasure_request": "id = (SELECT id FROM erasure_request WHERE status = 'completed' LIMIT 1)",
    "journal": "seq = (SELECT min(seq) FROM journal WHERE digest IS NOT NULL)",
    # The second message of a stream has a place.
    "inbox": "message_id = (SELECT message_id FROM inbox JOIN inbox_stream s"
    " USING (source, subject) WHERE sequence = 2 AND last_sequence = 2 ORDER BY place LIMIT 1)",
    "outbox_stream": "subject = (SELECT subject FROM outbox_stream"
    " WHERE split_part(subject, '/', 1) NOT IN ('notice', 'token') ORDER BY updated_at LIMIT 1)",
    "inbox_stream": "(source, subject) = (SELECT source, subject FROM inbox_stream"
    " ORDER BY updated_at LIMIT 1)",
}
ANY_ROW: Final = "ctid = (SELECT ctid FROM {table} LIMIT 1)"

# Changes of columns in which the change by type (BY_TYPE) would have no effect.
CHANGES: Final[Mapping[tuple[str, str], str]] = {
    ("journal", "seq"): "seq + 1000000",  # the next number is taken
    ("payment", "contradictions"): "contradictions + 2",
    ("payment", "state"): "'voided'",
    ("inbox", "place"): "place - 1000000000",
    ("saga", "steps"): """jsonb_set(steps, '{2,outcome}', '"missed"')""",
    ("saga", "context"): """context || '{"amount": 1}'""",
    ("saga", "state"): "'compensated'",
    ("token_family", "used"): "used || ARRAY['another']",
    ("erasure", "receipts"): "'{}'",
    ("product", "fed_by"): "(SELECT max(seq) FROM journal)",  # of another product
    ("product", "restocked"): "true",
}
# By the type of the column.
BY_TYPE: Final[Mapping[str, str]] = {
    "uuid": "gen_random_uuid()",
    "text": "coalesce({column}, '') || 'x'",
    "ARRAY": "{column} || ARRAY['another']",
    "bigint": "coalesce({column}, 0) + 1",
    "integer": "coalesce({column}, 0) + 1",
    "smallint": "coalesce({column}, 0) + 1",
    "boolean": "NOT {column}",
    "timestamp with time zone": "coalesce({column}, now()) + interval '1 hour'",
    "jsonb": "jsonb_build_object('replaced', true)",
    "bytea": "'\\x00'",
}


def reason_of(table: str, column: str) -> str | None:
    """Return why no checker has to find a change of this column, or None when one has to."""
    prefixed = (reason for prefix, reason in PREFIXES.items() if table.startswith(prefix))
    return TABLES.get(table) or next(prefixed, None) or COLUMNS.get(table, {}).get(column)


def change_of(table: str, column: str, type_: str) -> str:
    """Return the SQL expression of another value of this column."""
    change = CHANGES.get((table, column)) or BY_TYPE[type_]
    return change.replace("{column}", f'"{column}"')


def row_of(table: str) -> str:
    """Return the SQL condition of the row to change."""
    return ROWS.get(table, ANY_ROW.format(table=table))
