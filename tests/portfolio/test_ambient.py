"""The ambient load: what a shop sees, and never more of it than the cluster finishes."""

from __future__ import annotations

import pytest

from cluster.checkout.definition import AUTHORISATION_DEADLINE, COMPENSATION_DEADLINE
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.payments.sandbox.decisions import SLOW_AUTHORISATION
from portfolio.ambient import MIX, MOST_UNFINISHED, start_ambient_checkout
from portfolio.app import AMBIENT_EVERY
from portfolio.requests import CARDS

# Seconds at most that each card keeps a checkout; the rest ends in far less than one.
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


@pytest.mark.platform
def test_a_cluster_that_does_not_keep_up_is_given_no_more(site_work: UnitOfWork) -> None:
    site_work.cursor.execute(
        "INSERT INTO checkout_request (id, visitor, sku, quantity, amount, card,"
        " requested_outcome, accepted_at, status, reason)"
        " SELECT unnest(%s::uuid[]), 'v', 'flag', 1, 1, 'tok_ok', 'success', now(), 'accepted', ''",
        ([new_message_id() for _ in range(MOST_UNFINISHED)],),
    )
    start_ambient_checkout(site_work)
    assert site_work.outgoing == []
