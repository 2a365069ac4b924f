"""An Idempotency-Key is a quoted string, as in the draft, or the same without quotes."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from portfolio.api.idempotency import _key
from portfolio.api.problems import KEY_MISSING, Problem


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        ('"two words"', "two words"),
        (r'"a\"b\\c"', r"a\"b\\c".replace("\\\\", "\\").replace('\\"', '"')),
        ('a"b', 'a"b'),
        ("k" * 255, "k" * 255),
        (f'"{"k" * 255}"', "k" * 255),
    ],
)
def test_a_key_is_read_with_and_without_quotes(field: str, key: str) -> None:
    assert _key(RequestFactory().post("/", headers={"Idempotency-Key": field})) == key


@pytest.mark.parametrize(
    "field",
    ["", " ", '""', '" "', '"', '"abc', 'abc" "', '"a"b"', "two words", "a\tb", "a\x00b", "é",
     '"é"', "k" * 256, f'"{"k" * 256}"', r'"a\b"'],
)  # fmt: skip
def test_what_is_no_key_is_refused(field: str) -> None:
    with pytest.raises(Problem) as refused:
        _key(RequestFactory().post("/", headers={"Idempotency-Key": field}))
    assert (refused.value.status, refused.value.type) == (400, KEY_MISSING)
