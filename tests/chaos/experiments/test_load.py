"""Loads submit their checkouts to the running platform, and these end as the load declares."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from chaos.experiments.experiment import Profile
from chaos.experiments.load import (
    BURST_THREADS,
    BUYERS,
    ON_SALE,
    POISONED,
    POISONED_EVERY,
    STORMED,
    TRIES,
    Load,
    orders_for,
)
from chaos.faults import messages
from cluster.operations.checkout_client import CheckoutClient
from cluster.storefront.repository import CheckoutRow
from tests.conditions import eventually

pytestmark = pytest.mark.platform


def states_at_the_end(load: Load) -> dict[UUID, CheckoutRow]:
    counter = CheckoutClient()

    def ended() -> dict[UUID, CheckoutRow] | None:
        states = counter.states(load.accepted)
        return states if all(state.ended for state in states.values()) else None

    return eventually(ended, within=60.0) or {}


def test_a_retry_storm_hands_each_checkout_in_often_and_it_happens_once(platform: Any) -> None:
    load = Load(Profile.RETRY_STORM, rate=1.0)
    load.begin()
    assert load.wait(within=30.0)
    offered = load.offered()
    assert offered.handed_in == STORMED * BURST_THREADS * TRIES
    assert offered.accepted == len(load.accepted) == STORMED
    assert offered.repeated == offered.handed_in - STORMED
    assert load.disappointments(states_at_the_end(load)) == []


def test_a_flash_sale_sells_exactly_what_there_was(platform: Any) -> None:
    load = Load(Profile.FLASH_SALE, rate=1.0)
    load.begin()
    assert load.wait(within=30.0)
    states = states_at_the_end(load)
    assert len(states) == BUYERS
    assert sum(state.status == "completed" for state in states.values()) == ON_SALE
    assert load.disappointments(states) == []
    one_lost = dict(list(states.items()))
    one_lost.pop(next(id_ for id_, state in states.items() if state.status == "completed"))
    assert load.disappointments(one_lost)


def test_some_of_the_poisoned_loads_visitors_are_those_that_the_fault_knows(platform: Any) -> None:
    orders = orders_for(Profile.POISON, most=20)
    poisoned = [order for order in orders if order.visitor.startswith(POISONED)]
    assert len(poisoned) == 20 // POISONED_EVERY
    assert POISONED == messages.POISONED


def test_a_steady_load_ends_when_it_is_told_to(platform: Any) -> None:
    load = Load(Profile.STEADY, rate=50.0)
    load.begin()
    eventually(lambda: len(load.accepted) >= 10)
    load.end()
    accepted = len(load.accepted)
    assert load.offered().handed_in == accepted + load.refused
    states_at_the_end(load)
    assert len(load.accepted) == accepted
