"""Naive editing: each writer writes a value that it computed from an earlier read."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID, uuid4

from cluster.messaging.work import UnitOfWork
from cluster.storefront.transactions import run_in_transaction

MOST_AT_ONCE: Final = 8  # connections

BEGIN: Final = "INSERT INTO demo_scratch (id, run, value, at) VALUES (%s, %s, 0, %s)"
READ: Final = "SELECT value FROM demo_scratch WHERE id = %s"
WRITE: Final = "UPDATE demo_scratch SET value = %s WHERE id = %s"


def add_unguarded(run: UUID, writers: int) -> int:
    """Let this many writers each add 1 to a new row of 0, and return its value afterwards.

    All of them read before any of them writes, as people do who have a form open.
    """
    row = uuid4()
    run_in_transaction(lambda work: _begin(work, row, run))
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        seen = list(pool.map(lambda _: run_in_transaction(_reader(row)), range(writers)))
        list(pool.map(lambda value: run_in_transaction(_writer(row, value + 1)), seen))
    return run_in_transaction(_reader(row))


def _begin(work: UnitOfWork, row: UUID, run: UUID) -> None:
    work.cursor.execute(BEGIN, (row, run, work.now))


def _reader(row: UUID) -> Callable[[UnitOfWork], int]:
    def read(work: UnitOfWork) -> int:
        (value,) = work.cursor.execute(READ, (row,)).fetchone() or (0,)
        return int(value)

    return read


def _writer(row: UUID, value: int) -> Callable[[UnitOfWork], None]:
    def write(work: UnitOfWork) -> None:
        work.cursor.execute(WRITE, (value, row))

    return write
