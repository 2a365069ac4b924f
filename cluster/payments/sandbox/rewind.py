"""Rewind the provider's books to a moment, for the restore of a backup.

    python -m cluster.payments.sandbox.rewind BOOKS SECONDS [ADDED ...]

`BOOKS` is a copy of some time, `ADDED` are rows that came later, and `SECONDS` is the moment, in
seconds of the epoch. An operation that the platform sent after that moment is unknown afterwards,
and an answer whose delivery is unknown is found by the gateway's reconciliation.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from cluster.payments.provider_api import Operation, ProviderEvent
from cluster.payments.sandbox.decisions import Account, authorise_late, decide

INSERT: Final = {
    "operation": "INSERT OR IGNORE INTO operation VALUES (?, ?, ?)",
    "event": "INSERT OR IGNORE INTO event VALUES (?, ?, ?)",
}


def rewind(books: sqlite3.Connection, moment: float, added: Iterable[str] = ()) -> None:
    """Bring the books to a moment, in one transaction.

    `added` are lines of JSON: a table's name, and the values of a row.
    """
    with books:
        for line in added:
            table, values = json.loads(line)
            books.execute(INSERT[table], values)
        books.execute("DELETE FROM operation WHERE accepted_at > ?", (moment,))
        books.execute("DELETE FROM account")
        books.execute("DELETE FROM late_authorisation")
        for operations in _by_payment(books):
            _replay(books, operations, moment)
        books.execute("DELETE FROM event WHERE number NOT IN (SELECT number FROM temp.known)")
        books.execute("DELETE FROM delivery WHERE event NOT IN (SELECT number FROM event)")


def _by_payment(books: sqlite3.Connection) -> list[list[tuple[Operation, float]]]:
    """Return the operations with their times, in order, payment by payment."""
    books.execute("CREATE TEMP TABLE known (number INTEGER PRIMARY KEY)")
    found: dict[str, list[tuple[Operation, float]]] = {}
    for request, at in books.execute(
        "SELECT request, accepted_at FROM operation ORDER BY accepted_at"
    ):
        operation = msgspec.json.decode(request, type=Operation)
        found.setdefault(str(operation.payment), []).append((operation, at))
    return list(found.values())


def _replay(
    books: sqlite3.Connection, operations: Sequence[tuple[Operation, float]], moment: float
) -> None:
    """Decide one payment's operations again, in the order of their answers.

    An authorisation that was put off is decided twice: when it is asked for, and when it is due.
    """
    payment = str(operations[0][0].payment)
    by_key = {operation.key: operation for operation, _ in operations}
    account: Account | None = None
    due: dict[str, float] = {}
    for operation, at in operations:
        ruling = decide(None, operation)
        if account is None and ruling.answer is None:
            account = ruling.account
            if ruling.authorise_after is not None:
                due[str(operation.key)] = at + ruling.authorise_after
    for number, body in books.execute(
        "SELECT number, body FROM event WHERE payment = ? ORDER BY number", (payment,)
    ).fetchall():
        key = msgspec.json.decode(body, type=ProviderEvent).operation
        if key not in by_key or due.get(str(key), moment) > moment:
            continue
        if account is not None and due.pop(str(key), None) is not None:
            account = authorise_late(account).account
        else:
            account = decide(account, by_key[key]).account
        books.execute("INSERT INTO temp.known VALUES (?)", (number,))
    if account is not None:
        row = (payment, account.state.value, account.amount, account.card)
        books.execute("INSERT INTO account VALUES (?, ?, ?, ?)", row)
    books.executemany(
        "INSERT INTO late_authorisation VALUES (?, ?, ?)",
        [(key, payment, at) for key, at in due.items()],
    )


def main() -> int:
    path, moment, *added = sys.argv[1:]
    lines = (line for name in added for line in Path(name).read_text().splitlines())
    with closing(sqlite3.connect(path)) as books:
        rewind(books, float(moment), lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
