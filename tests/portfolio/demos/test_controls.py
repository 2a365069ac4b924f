"""A visitor may set a control to one of its options or to a bounded number, and no other value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.demos.controls import Choice, InvalidChoice, Number, read_values

CARD = Choice("card", "Card", (("good", "a good one"), ("bad", "a bad one")))
COUNT = Number("count", "How many", least=1, most=50, default=10)


def test_what_is_not_set_has_its_default() -> None:
    assert read_values((CARD, COUNT), {}) == {"card": "good", "count": 10}


def test_a_form_s_text_is_read_as_the_number_that_it_is() -> None:
    assert read_values((COUNT,), {"count": "50"}) == {"count": 50}


@pytest.mark.parametrize("raw", [0, 51, "0", "-1", "1.5", "", None, True, "９", "1" * 40, [5], {}])
def test_any_other_number_is_refused_with_its_bounds(raw: object) -> None:
    with pytest.raises(InvalidChoice, match="between 1 and 50"):
        read_values((COUNT,), {"count": raw})


def test_an_unknown_setting_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidChoice, match="'colour'; there are card, count"):
        read_values((CARD, COUNT), {"colour": "red"})


@given(st.one_of(st.none(), st.integers(), st.text(), st.floats(), st.lists(st.text())))
def test_a_choice_takes_nothing_but_its_options(raw: object) -> None:
    if raw in ("good", "bad"):
        assert read_values((CARD,), {"card": raw}) == {"card": raw}
    else:
        with pytest.raises(InvalidChoice, match="good, bad"):
            read_values((CARD,), {"card": raw})
