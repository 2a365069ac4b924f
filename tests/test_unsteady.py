"""`manage.py test` runs a test with a missed deadline once more, and no other failure."""

from __future__ import annotations

import pytest
from playwright.sync_api import TimeoutError as BrowserTimeout

from compose import suite
from tests.conditions import eventually
from tests.unsteady import is_missed_deadline


def failure_of(test: object) -> pytest.ExceptionInfo[BaseException]:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any failure
        test()  # type: ignore[operator]
    return caught


def wait_in_vain() -> None:
    eventually(lambda: False, within=0)


def violate() -> None:
    assert {"stock is conserved": ["17"]} == {}


def crash() -> None:
    raise RuntimeError("the process has died")


def wait_for_an_element_in_vain() -> None:
    raise BrowserTimeout("Timeout 30000ms exceeded.")


@pytest.mark.parametrize("test", [wait_in_vain, wait_for_an_element_in_vain])
def test_a_missed_deadline_may_be_tried_again(test: object) -> None:
    assert is_missed_deadline(failure_of(test))


@pytest.mark.parametrize("test", [violate, crash])
def test_a_violation_and_a_crash_may_not(test: object) -> None:
    assert not is_missed_deadline(failure_of(test))


def test_a_part_that_ended_without_a_result_has_failed() -> None:
    found = suite.Part("that-never-ran").result()
    assert [failure["again"] for failure in found["failures"]] == [False]
