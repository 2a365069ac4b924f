"""Waiting for what a demo began: rows that appear, and checkouts that end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Final, TypeVar, TypeVarTuple
from uuid import UUID

import psycopg

from cluster.catalog.queries import count_reserved
from cluster.identity.queries import count_held
from cluster.sagas.repository import count_open
from cluster.secrets.postgres import Cursor, is_outage
from cluster.storefront.checkout_intake import InvalidRequest, accept_refund
from cluster.storefront.repository import RequestRow, refund
from cluster.storefront.transactions import run_in_transaction
from config.waiting import wait_until
from portfolio.demos.queries import read
from portfolio.demos.result import Check, check
from portfolio.demos.sagas import await_ended

PATIENCE: Final = 15.0  # seconds; longer than any server's restart after SIGKILL
EVERY: Final = 0.05  # seconds
# What a checkout that has not ended, or not been settled, leaves open in each service.
OPEN: Final = (("identity", count_held), ("catalog", count_reserved), ("checkout", count_open))

Found = TypeVar("Found")
Asked = TypeVarTuple("Asked")


class StillUnderWay(InvalidRequest):
    """Work that a demo started and that has not ended in time. The message names it."""


def at_least(count: int) -> Callable[[Sized], bool]:
    """Return a condition for `await_read`: that there are at least `count` rows."""
    return lambda rows: len(rows) >= count


def await_read(
    name: str,
    look: Callable[[Cursor, *Asked], Found],
    *asked: *Asked,
    until: Callable[[Found], bool] = bool,
    within: float = PATIENCE,
) -> Found:
    """Return what `look` finds in one service's database, once `until` holds of it or time is up.

    It waits for a database that is away. Raises psycopg.Error when the database stays away.
    """
    return wait_until(
        lambda: read(name, look, *asked),
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


def left_open(ids: Sequence[UUID], *, within: float = PATIENCE) -> dict[str, int]:
    """Return what these checkouts have left open in each service, once it is nothing or time is up.

    The site may learn of an end before the last service has consumed the command for its part.
    """
    return {
        name: await_read(name, count, ids, until=lambda left: not left, within=within)
        for name, count in OPEN
    }


def nothing_left(left: Mapping[str, int]) -> Check:
    """Check that nothing is left open, by the counts of `left_open`."""
    return check(
        "nothing is left over",
        holds=not any(left.values()),
        sentence=f"{left['identity']} holds, {left['catalog']} reservations and "
        f"{left['checkout']} sagas are open.",
    )


def refunded(order: UUID, *, within: float = PATIENCE) -> UUID:
    """Have an order refunded and return the refund's id. Raises StillUnderWay unless it ends."""
    identifier = run_in_transaction(lambda work: accept_refund(work, order_id=order))
    if not has_ended(await_read("site", refund, identifier, until=has_ended, within=within)):
        raise StillUnderWay(
            f"The refund had not ended after {within:.0f} s: a part of the cluster is away. "
            "It ends by itself when that is back."
        )
    return identifier


def has_ended(row: RequestRow | None) -> bool:
    """Return whether a refund or an erasure has ended: a condition for `await_read`."""
    return row is not None and row.ended
