"""Waiting for what a demo began: rows that appear, and checkouts that end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from cluster.secrets.postgres import is_outage
from cluster.storefront.checkout_intake import InvalidRequest
from config.waiting import wait_until
from portfolio.demos.queries import read
from portfolio.demos.sagas import await_ended

PATIENCE: Final = 15.0  # seconds; longer than any server's restart after SIGKILL
EVERY: Final = 0.05  # seconds

Rows = list[tuple[Any, ...]]


class StillUnderWay(InvalidRequest):
    """Work that a demo started and that has not ended in time. The message names it."""


def at_least(count: int) -> Callable[[Rows], bool]:
    """Return a condition for `await_rows`: that there are at least `count` rows."""
    return lambda rows: len(rows) >= count


def await_rows(
    name: str,
    query: str,
    *parameters: Any,
    until: Callable[[Rows], bool] = bool,
    within: float = PATIENCE,
) -> Rows:
    """Return the rows of a query, once `until` holds of them or time is up.

    It waits for a database that is away. Raises psycopg.Error when the database stays away.
    """
    return wait_until(
        lambda: read(name, query, *parameters),
        holds=until,
        despite=lambda error: isinstance(error, psycopg.Error) and is_outage(error),
        within=within,
        every=EVERY,
    )


def ends_of(ids: Sequence[UUID], *, within: float = PATIENCE) -> Counter[str]:
    """Return the number of checkouts in each status. Raises StillUnderWay unless all have ended."""
    ended = await_ended(ids, within=within)
    if ended["accepted"]:
        raise StillUnderWay(
            f"{ended['accepted']} of {ended.total()} checkouts had not ended after {within:.0f} s: "
            "a part of the cluster is away. They end by themselves when it is back."
        )
    return ended
