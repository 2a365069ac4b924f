"""The declaration of a saga refuses every mistake in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cluster.catalog.contract import StockReserved
from cluster.checkout.definition import CHECKOUT, CheckoutContext
from cluster.identity.contract import HoldLimit, HoldReleased, LimitHeld, LimitRefused
from cluster.messaging.contract import Payload
from cluster.sagas.definition import DefinitionError, Meaning, Role, Saga, Step

HOLD, RESERVE, *_ = CHECKOUT.steps


def declare(*steps: Step[CheckoutContext]) -> Saga[CheckoutContext]:
    return replace(CHECKOUT, steps=steps)


def test_every_reply_has_the_place_and_the_role_that_its_step_gives_it() -> None:
    assert declare(HOLD).meanings == {
        LimitHeld: Meaning(0, Role.SUCCESS),
        LimitRefused: Meaning(0, Role.REFUSAL),
        HoldReleased: Meaning(0, Role.UNDONE),
    }


def test_the_longest_run_is_the_sum_of_the_steps_deadlines() -> None:
    assert declare(HOLD, RESERVE).longest_run == HOLD.deadline + RESERVE.deadline


def test_a_saga_without_a_step_is_refused() -> None:
    with pytest.raises(DefinitionError, match="at least one step"):
        declare()


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(DefinitionError, match="two steps are named hold_limit"):
        declare(HOLD, replace(RESERVE, name="hold_limit"))


def test_a_command_sent_by_two_steps_is_refused() -> None:
    with pytest.raises(DefinitionError, match="sent by two steps"):
        declare(HOLD, replace(HOLD, name="hold_again"))


def test_a_reply_with_two_meanings_is_refused() -> None:
    with pytest.raises(DefinitionError, match="two meanings"):
        declare(replace(HOLD, refusals=(LimitHeld,)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "has no name"),
        ({"command": LimitHeld}, "is not one of the commands"),
        ({"command": Payload}, "is not in a contract"),
        ({"build": None}, "builds no payload"),
        ({"success": HoldLimit}, "is not one of the events"),
        ({"success": StockReserved}, "speak of several aggregates"),
        ({"deadline": timedelta()}, "not a positive time"),
        ({"deadline": None}, "not a positive time"),
        ({"compensation": None}, "has no compensation"),
        ({"compensation": replace(HOLD.compensation, replies=())}, "no reply to wait for"),
        ({"compensation": replace(HOLD.compensation, deadline=timedelta())}, "not a positive time"),
        ({"compensation": replace(HOLD.compensation, command=LimitHeld)}, "one of the commands"),
        ({"compensation": RESERVE.compensation}, "speak of several aggregates"),
    ],
)
def test_a_step_that_lacks_something_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        declare(replace(HOLD, **changes))
