"""Waiting for what a demo began: rows that appear, and checkouts that end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from cluster.secrets.postgres import is_outage
from cluster.storefront.checkout_intake import InvalidRequest
from portfolio.demos.queries import read
from portfolio.demos.sagas import await_ended

PATIENCE: Final = 15.0  # seconds; longer than any server's restart after SIGKILL
EVERY: Final = 0.05  # seconds

Rows = list[tuple[Any, ...]]


class StillUnderWay(InvalidRequest):
    """What a demo began has not ended in time; the message says what has not."""


def at_least(count: int) -> Callable[[Rows], bool]:
    """Whether there are so many rows, for `await_rows`."""
    return lambda rows: len(rows) >= count


def await_rows(
    name: str,
    query: str,
    *parameters: Any,
    until: Callable[[Rows], bool] = bool,
    within: float = PATIENCE,
) -> Rows:
    """What a query finds once `until` holds of it; what it finds at last when time is up.

    A database that is away meanwhile is waited for. Raises psycopg.Error when it stays away.
    """
    give_up = time.monotonic() + within
    while True:
        late = time.monotonic() >= give_up
        try:
            rows = read(name, query, *parameters)
        except psycopg.Error as error:
            if late or not is_outage(error):
                raise
        else:
            if late or until(rows):
                return rows
        time.sleep(EVERY)


def ends_of(ids: Sequence[UUID], *, within: float = PATIENCE) -> Counter[str]:
    """How the checkouts ended; raises StillUnderWay when not all of them have."""
    ended = await_ended(ids, within=within)
    if ended["accepted"]:
        raise StillUnderWay(
            f"{ended['accepted']} of {ended.total()} checkouts had not ended after {within:.0f} s: "
            "a part of the cluster is away. They end by themselves when it is back."
        )
    return ended
