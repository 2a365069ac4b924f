"""The provider's books are brought back to a moment, and to what they then were."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cluster.payments.provider_api import Operation, OperationKind
from cluster.payments.sandbox.books import Books
from cluster.payments.sandbox.rewind import rewind
from compose.backups import books as copies

TABLES = {
    "account": "payment",
    "operation": "key",
    "event": "number",
    "late_authorisation": "key",
}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(books: Books, payment: UUID, kind: OperationKind, card: str = "tok_ok") -> None:
    books.accept([Operation(uuid4(), payment, kind, 500, card)])


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as found:
        return {
            table: found.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()
            for table, key in TABLES.items()
        }


@pytest.fixture
def clock() -> Clock:
    return Clock()


def live(folder: Path, clock: Clock, seen: list[tuple[float, Path]]) -> Path:
    """Let payments of every card live through a minute, with a copy after each second."""
    path = folder / "live.sqlite3"
    books = Books(path, clock=clock)
    payments = {card: uuid4() for card in (
        "tok_ok", "tok_slow", "tok_late", "tok_silent", "tok_declined", "tok_slow_declined"
    )}  # fmt: skip
    second = [uuid4() for _ in range(3)]
    for number in range(20):
        if number == 1:
            for card, payment in payments.items():
                ask(books, payment, OperationKind.AUTHORISE, card)
        if number == 5:
            for payment in payments.values():
                ask(books, payment, OperationKind.CAPTURE)
        if number == 7:
            for payment in payments.values():
                ask(books, payment, OperationKind.VOID)
        if number == 9:
            ask(books, second[0], OperationKind.VOID)  # before its authorisation
            ask(books, second[0], OperationKind.AUTHORISE)
        if number == 12:
            ask(books, payments["tok_ok"], OperationKind.REFUND)
            ask(books, payments["tok_ok"], OperationKind.AUTHORISE)
        clock.now += 0.5
        books.authorise_due()
        copy = folder / f"{number}.sqlite3"
        copies.copy(path, copy)
        seen.append((clock.now, copy))
        clock.now += 0.5
    books.close()
    return path


def test_the_books_are_as_they_were_at_each_moment(tmp_path: Path, clock: Clock) -> None:
    seen: list[tuple[float, Path]] = []
    path = live(tmp_path, clock, seen)
    for number, (moment, copy) in enumerate(seen):
        rewound = tmp_path / f"rewound-{number}"
        copies.copy(path, rewound)
        with closing(sqlite3.connect(rewound)) as found:
            rewind(found, moment)
        assert content(rewound) == content(copy), number


def test_an_earlier_copy_is_brought_forward_by_what_was_added(tmp_path: Path, clock: Clock) -> None:
    seen: list[tuple[float, Path]] = []
    path = live(tmp_path, clock, seen)
    place = copies.end_of(seen[4][1])
    added = [line.decode() for line in copies.added(path, place)]
    for moment, copy in seen[4:]:
        brought = tmp_path / "brought.sqlite3"
        copies.copy(seen[4][1], brought)
        with closing(sqlite3.connect(brought)) as found:
            rewind(found, moment, added)
        assert content(brought) == content(copy)


def test_deliveries_of_forgotten_events_are_forgotten(tmp_path: Path, clock: Clock) -> None:
    path = live(tmp_path, clock, [])
    with closing(sqlite3.connect(path)) as found:
        rewind(found, 1005.5)
        (left,) = found.execute(
            "SELECT count(*) FROM delivery WHERE event NOT IN (SELECT number FROM event)"
        ).fetchone()
    assert left == 0
