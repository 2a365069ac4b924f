"""The tables that an incremental verdict searches for changed rows, and how it names a row.

A row that was changed or added since a checkpoint has a later `xmin`, the transaction that wrote
it. What has left a table has none, so the rows from before are also counted and their hashes
added up. A row's hash is over all columns by which other rows are found: a row that has moved
from one checkout to another counts as deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Audited:
    """One table, in SQL expressions of its columns.

    `ids`: the things that a row is about. `subject`, `visitor`: the name of its stream, or of its
    visitor. Not `counted`: nothing is found by the absence of a row, and rows end.
    """

    table: str
    hash: str = "uuid_hash_extended(id, %(salt)s)"
    ids: str = "ARRAY[id::text]"
    subject: str = "NULL"
    visitor: str = "NULL"
    counted: bool = True

    def shadow(self) -> str:
        """Return the common table expression that stands before the table, with changed rows."""
        return f"{self.table} AS (SELECT * FROM public.{self.table} WHERE {self._wanted()})"  # noqa: S608

    def _wanted(self) -> str:
        if self.subject != "NULL":
            return f"subject IN ({listed('subjects', 'text')})"
        if self.visitor != "NULL":
            return f"visitor IN ({listed('visitors', 'text')})"
        column = "payment" if self.table == "ledger_entry" else "id"
        return f"{column} IN ({listed('ids', 'uuid')})"


def listed(name: str, type_: str) -> str:
    """Return the query of a list that `narrowed.py` keeps in a setting of the transaction."""
    return f"SELECT unnest(current_setting('verdict.{name}')::{type_}[])"


_REFUND: Final = Audited(
    "refund",
    hash="uuid_hash_extended(id, uuid_hash_extended(order_id, %(salt)s))",
    ids="ARRAY[id::text, order_id::text]",
)
_OF_SUBJECT: Final = "ARRAY[split_part(subject, '/', 2)]"
_OUTBOX_STREAM: Final = Audited(
    "outbox_stream",
    hash="hashtextextended(subject, %(salt)s)",
    ids=_OF_SUBJECT,
    subject="subject",
)
_STREAMS: Final = (
    _OUTBOX_STREAM,
    Audited(
        "inbox_stream",
        hash="hashtextextended(subject, hashtextextended(source, %(salt)s))",
        ids=_OF_SUBJECT,
        subject="subject",
    ),
)

# By database. The journal is searched by `entries.py`; the site's products are always read whole.
AUDITED: Final[Mapping[str, tuple[Audited, ...]]] = {
    "site": (
        Audited("checkout_request"),
        Audited("refund_request", hash=_REFUND.hash, ids=_REFUND.ids),
        Audited("erasure_request"),
        _OUTBOX_STREAM,
    ),
    "identity": (
        Audited(
            "visitor_limit",
            hash="hashtextextended(visitor, %(salt)s)",
            ids="ARRAY[]::text[]",
            visitor="visitor",
            counted=False,
        ),
        Audited("hold"),
        Audited("spend"),
        Audited("limit_restoration"),
        Audited("erasure"),
        Audited("token_family", counted=False),
        *_STREAMS,
    ),
    "catalog": (
        Audited("product"),
        Audited("reservation"),
        Audited("sale"),
        Audited("stock_return"),
        *_STREAMS,
    ),
    "orders": (Audited("orders"), _REFUND, *_STREAMS),
    "payments": (
        Audited("payment"),
        Audited(
            "ledger_entry",
            hash="uuid_hash_extended(payment, id # %(salt)s)",
            ids="ARRAY[payment::text]",
        ),
        _REFUND,
        *_STREAMS,
    ),
    "checkout": (Audited("saga"), *_STREAMS),
}
# The tables whose rows lead from a refund to its order.
LINKS: Final[Mapping[str, str]] = {
    "site": "refund_request",
    "orders": "refund",
    "payments": "refund",
}
