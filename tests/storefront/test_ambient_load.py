"""The ambient load resembles a shop's, and never starts more than the cluster finishes."""

from __future__ import annotations

from uuid import UUID

import pytest

from cluster.checkout.definition import AUTHORISATION_DEADLINE, COMPENSATION_DEADLINE
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.payments.sandbox.decisions import SLOW_AUTHORISATION
from cluster.storefront.ambient_load import (
    AUDIENCE_STAYS,
    MIX,
    MOST_UNFINISHED,
    QUIET_EVERY,
    start_ambient_checkout,
)
from cluster.storefront.checkout_intake import CARDS
from cluster.storefront.service import AMBIENT_EVERY
from tests.site_work import record_checkouts

# The most seconds for which each card keeps a checkout open. The other cards need far less than 1.
LONGEST = {
    "tok_slow": SLOW_AUTHORISATION[1],
    "tok_slow_declined": SLOW_AUTHORISATION[1],
    "tok_reordered": 1.0,
    "tok_silent": (AUTHORISATION_DEADLINE + COMPENSATION_DEADLINE).total_seconds(),
}


def test_every_card_of_the_mix_is_known_to_the_sandbox() -> None:
    assert {card for _, card, _ in MIX} <= CARDS


def test_most_pay_as_with_a_bank_and_a_few_in_a_hundred_hear_nothing() -> None:
    weights = {card: weight for _, card, weight in MIX}
    assert sum(weights.values()) == 100
    assert weights["tok_slow"] > 75
    assert 0 < weights["tok_silent"] <= 5


def test_even_if_each_took_its_longest_only_a_few_would_be_under_way() -> None:
    longest = sum(weight / 100 * LONGEST.get(card, 1.0) for _, card, weight in MIX)
    assert longest / AMBIENT_EVERY < MOST_UNFINISHED / 20


def given(work: UnitOfWork, *, audience: float, newest_request: float) -> None:
    """Record that a follower was seen, and the newest checkout accepted, so many seconds ago."""
    work.cursor.execute(
        "INSERT INTO audience (id, seen_at) VALUES (1, now() - %s * interval '1 s')"
        " ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at",
        (audience,),
    )
    newest = [UUID(int=2**128 - 1)]
    record_checkouts(work, newest, status="completed", ago=newest_request)


@pytest.mark.platform
def test_while_somebody_follows_one_starts_each_time_it_is_asked(site_work: UnitOfWork) -> None:
    given(site_work, audience=AUDIENCE_STAYS - 1, newest_request=0)
    start_ambient_checkout(site_work)
    assert len(site_work.outgoing) == 1


@pytest.mark.platform
def test_before_the_first_visitor_has_come_there_is_as_much(site_work: UnitOfWork) -> None:
    given(site_work, audience=0, newest_request=0)
    site_work.cursor.execute("DELETE FROM audience")
    start_ambient_checkout(site_work)
    assert len(site_work.outgoing) == 1


@pytest.mark.platform
def test_with_nobody_to_see_it_none_starts_soon_after_another(site_work: UnitOfWork) -> None:
    given(site_work, audience=AUDIENCE_STAYS + 1, newest_request=QUIET_EVERY - 1)
    start_ambient_checkout(site_work)
    assert site_work.outgoing == []


@pytest.mark.platform
def test_with_nobody_to_see_it_there_still_is_life(site_work: UnitOfWork) -> None:
    given(site_work, audience=AUDIENCE_STAYS + 1, newest_request=QUIET_EVERY + 1)
    start_ambient_checkout(site_work)
    assert len(site_work.outgoing) == 1


@pytest.mark.platform
def test_a_cluster_that_does_not_keep_up_is_given_no_more(site_work: UnitOfWork) -> None:
    given(site_work, audience=0, newest_request=QUIET_EVERY + 1)
    record_checkouts(site_work, [new_message_id() for _ in range(MOST_UNFINISHED)])
    start_ambient_checkout(site_work)
    assert site_work.outgoing == []
