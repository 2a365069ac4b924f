"""A reservation lives for the usual time, or for the seconds that its command names."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from cluster.catalog.contract import LONGEST_LIFE, ReserveStock
from cluster.catalog.domain.product import RESERVATION_LIFE


def decoded(**data: object) -> ReserveStock:
    return msgspec.convert({"sku": "flag", "quantity": 1, **data}, ReserveStock)


def test_a_command_that_says_nothing_of_it_means_the_usual_life() -> None:
    assert timedelta(seconds=decoded().expires_in) == RESERVATION_LIFE


def test_a_shorter_life_can_be_asked_for() -> None:
    assert decoded(expires_in=2).expires_in == 2


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_LIFE + 1])
def test_no_life_at_all_and_a_longer_one_are_refused(seconds: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(expires_in=seconds)
