"""Numbers that a request brings as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from articles.editing.forms import whole_number


@given(st.integers(0, 999_999_999))
def test_digits_are_a_number(number: int) -> None:
    assert whole_number(str(number)) == number


@pytest.mark.parametrize("text", ["", "-1", "1.5", " 1", "²", "one", "1\0", "9" * 10, "9" * 5_000])
def test_all_other_text_is_none(text: str) -> None:
    assert whole_number(text) is None
