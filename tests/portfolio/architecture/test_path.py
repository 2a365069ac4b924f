"""One saga's path: the cause of each message, the durations, and the tracks it used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cluster.storefront.models import JournalEntry
from portfolio.architecture import layout_desktop, layout_mobile
from portfolio.architecture.path import Path, hops_of
from portfolio.architecture.route import ladders, route

SAGA = UUID(int=7)
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

# source, type, number of the cause, milliseconds after the start
CHECKOUT = (
    ("site", "checkout.start_checkout.v1", None, 0),
    ("checkout", "identity.hold_limit.v1", 1, 5),
    ("identity", "identity.limit_held.v1", 2, 12),
    ("checkout", "checkout.checkout_completed.v1", 3, 20),
    ("identity", "identity.limit_spent.v1", 4, 31),
    ("catalog", "catalog.stock_sold.v1", 4, 33),
)


def path(told: Sequence[tuple[str, str, int | None, int]]) -> Path:
    entries = [
        JournalEntry(
            seq=100 + number,
            message_id=UUID(int=1000 + number),
            source=source,
            type=name,
            subject=f"saga/{SAGA}",
            sequence=number,
            correlation=SAGA,
            causation=None if cause is None else UUID(int=1000 + cause),
            time=START + timedelta(milliseconds=after),
            envelope={"data": {}},
        )
        for number, (source, name, cause, after) in enumerate(told, start=1)
    ]
    return Path(SAGA, hops_of(entries), "completed", more=False)


def test_a_hop_leads_from_the_sender_of_its_cause_to_its_own_sender() -> None:
    hops = path(CHECKOUT).hops
    assert [(hop.came_from, hop.service) for hop in hops] == [
        ("", "site"),
        ("site", "checkout"),
        ("checkout", "identity"),
        ("identity", "checkout"),
        ("checkout", "identity"),
        ("checkout", "catalog"),
    ]
    assert [hop.after_cause for hop in hops] == [None, 5.0, 7.0, 8.0, 11.0, 13.0]


def test_a_path_says_how_long_it_took_and_who_sent_what() -> None:
    found = path(CHECKOUT)
    assert (found.ended, found.milliseconds) == (True, 33.0)
    assert found.sent_by == {"site": [1], "checkout": [2, 4], "identity": [3, 5], "catalog": [6]}


def test_what_was_sent_without_a_cause_travels_nowhere() -> None:
    by_the_clock = ("checkout", "checkout.checkout_turned.v1", None, 6000)
    unknown_cause = ("checkout", "identity.release_hold.v1", 99, 6001)
    found = path([CHECKOUT[0], by_the_clock, unknown_cause])
    assert [hop.stays for hop in found.hops] == [True, True, True]
    assert found.legs == {}


def test_each_track_is_drawn_once_with_the_message_that_used_it_first() -> None:
    for arrangement in (layout_desktop.arrangement(), layout_mobile.arrangement()):
        drawn = route(arrangement, path(CHECKOUT))
        assert [leg.hop for leg in drawn.legs] == [2, 3, 4, 6]
        assert [count.lines for count in drawn.counts] == [
            ("sent 1",), ("sent 2, 4",), ("sent 3, 5",), ("sent 6",),
        ]  # fmt: skip


def test_the_ladder_leads_from_each_cause_to_its_message() -> None:
    for ladder in ladders(path(CHECKOUT)):
        assert [bool(rung.trace) for rung in ladder.rungs] == [False, True, True, True, True, True]
        assert [rung.y for rung in ladder.rungs] == sorted(rung.y for rung in ladder.rungs)
        assert ladder.rungs[-1].y < ladder.height


def test_a_path_of_nothing_is_drawn_as_nothing() -> None:
    found = path([])
    assert (found.milliseconds, found.legs) == (0.0, {})
    assert [ladder.rungs for ladder in ladders(found)] == [(), ()]
