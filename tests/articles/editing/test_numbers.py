"""Numbers that a request brings as text."""

from __future__ import annotations

import pytest

from articles.editing.forms import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("12", 12), ("999999999", 999_999_999)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "1.5", " 1", "²", "one", "1\0", "9" * 10, "9" * 5_000])
def test_all_other_text_is_none(text: str) -> None:
    assert whole_number(text) is None
