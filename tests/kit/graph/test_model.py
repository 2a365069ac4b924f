"""The model turns events into journeys, one line for each way that a checkout may take."""

from __future__ import annotations

import pytest

from cluster.kit.graph.model import Journey, Outage, Traffic, outage, read_traffic, waiting
from cluster.storefront.events import CODES
from tests.kit.graph.checkouts import DECLINED, GOOD, events


def read(*steps: tuple[int, str, str]) -> Traffic:
    return read_traffic(events(*steps))


def only(*steps: tuple[int, str, str]) -> Journey:
    [journey] = read(*steps).journeys
    return journey


def line(journey: Journey) -> list[tuple[str, str, str]]:
    return [(leg.origin, leg.target, leg.style) for leg in journey.legs]


def major(journey: Journey) -> list[tuple[str, str]]:
    return [(stop.rail, stop.mark) for stop in journey.stops if not stop.small]


def test_a_good_checkout_runs_down_the_rails_and_once_back_to_capture() -> None:
    journey = only(*GOOD)
    assert [target for _, target, _ in line(journey)] == ["IDN", "CAT", "PAY", "ORD", "PAY", "CHK"]
    assert {style for _, _, style in line(journey)} == {"solid"}
    assert {mark for _, mark in major(journey)} == {"committed"}
    assert (journey.outcome, journey.ended) == ("completed", 1855)


def test_a_leg_leaves_with_the_command_and_arrives_with_the_answer() -> None:
    leg = only(*GOOD).legs[2]
    assert (leg.since, leg.leaves, leg.arrives) == (1030, 1035, 1800)


def test_what_services_do_on_hearing_of_the_end_lies_beside_the_line() -> None:
    beside = [(stop.rail, stop.verb) for stop in only(*GOOD).stops if stop.small]
    assert beside == [("IDN", "spent"), ("CAT", "sold")]


def test_a_declined_checkout_turns_and_runs_back_dashed_to_where_it_began() -> None:
    journey = only(*DECLINED)
    assert line(journey)[3:] == [("PAY", "CAT", "dashed"), ("CAT", "IDN", "dashed")]
    assert major(journey)[2:] == [
        ("PAY", "failed"),
        ("CAT", "compensated"),
        ("IDN", "compensated"),
    ]
    assert journey.outcome == "compensated"


def test_of_a_service_that_had_not_answered_when_it_turned_nobody_can_say_what_it_did() -> None:
    journey = only(
        *GOOD[:6],
        (6035, "CHK", "checkout.checkout_turned.v1"),
        (6035, "CHK", "payments.void_payment.v1"),
        (6060, "PAY", "payments.payment_voided.v1"),
    )
    assert line(journey)[2:4] == [("CAT", "PAY", "dotted"), ("PAY", "PAY", "dashed")]
    assert major(journey)[2:] == [("PAY", "unknown"), ("PAY", "compensated")]


@pytest.mark.parametrize("seen", range(2, len(GOOD) - 2))
def test_at_every_moment_a_running_checkout_is_in_exactly_one_place(seen: int) -> None:
    journey = only(*GOOD[:seen])
    open_legs = [leg for leg in journey.legs if leg.arrives is None]
    assert (len(open_legs), journey.outcome) == (1, "running")


def test_a_command_that_is_repeated_does_not_begin_the_leg_again() -> None:
    journey = only(*DECLINED[:9], (5900, "CHK", "catalog.release_stock.v1"))
    assert [leg.leaves for leg in journey.legs if leg.arrives is None] == [1900]


def test_a_journey_whose_beginning_was_not_seen_is_drawn_from_where_it_is_known() -> None:
    journey = only(*GOOD[6:])
    assert journey.began is None
    assert line(journey)[0] == ("ORD", "PAY", "solid")


def test_notices_are_ticks_on_the_rail_of_whoever_gave_them_and_no_journey() -> None:
    traffic = read(
        (0, "PAY", "payments.message_deduplicated.v1"), (1, "WEB", "site.credentials_rotated.v1")
    )
    assert [(tick.rail, tick.kind) for tick in traffic.ticks] == [
        ("PAY", "deduplicated"),
        ("SHR", "credentials"),
    ]
    assert traffic.journeys == []


def test_every_service_has_a_place_on_the_graph() -> None:
    spans = [outage(span(service)) for service in (*CODES, None)]
    assert [told.rail for told in spans] == ["SHR", "IDN", "CAT", "ORD", "PAY", "CHK", "SHR"]


def span(service: str | None) -> dict[str, str | None]:
    return {"id": "1", "process": "p", "service": service, "cause": "exited",
            "began": "2026-11-22T10:00:00.000Z", "ended": None}  # fmt: skip


def test_those_who_wait_for_a_service_that_is_away_are_counted_until_they_are_answered() -> None:
    journeys = read(*GOOD).journeys
    away = Outage("1", "worker-payments", "PAY", "killed by signal 9", began=1100, ended=1700)
    assert [waiting(journeys, away, at) for at in (1000, 1200, 1750, 1800)] == [0, 1, 1, 0]


def test_whoever_leaves_after_the_outage_has_not_waited_for_it() -> None:
    journeys = read(*GOOD).journeys
    away = Outage("1", "worker-payments", "PAY", "exited", began=900, ended=1020)
    assert waiting(journeys, away, 1500) == 0
