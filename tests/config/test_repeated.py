"""Repeated work goes on beside a block, and ends with it."""

from __future__ import annotations

import threading

import pytest

from config.waiting import repeated
from tests.conditions import eventually


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_it_is_repeated_until_the_block_ends() -> None:
    done: list[int] = []
    with repeated(lambda: done.append(1), every=0.001, name="a test"):
        eventually(lambda: len(done) >= 3)
        assert "a test" in threads()
    assert "a test" not in threads()


def test_it_ends_by_itself_when_it_says_so() -> None:
    done: list[int] = []

    def once() -> bool:
        done.append(1)
        return False

    with repeated(once, every=0.001, name="a test"):
        eventually(lambda: done == [1] and "a test" not in threads())


def test_it_ends_with_a_block_that_fails() -> None:
    with pytest.raises(ValueError, match="no"), repeated(list, every=0.001, name="a test"):
        raise ValueError("no")
    assert "a test" not in threads()
