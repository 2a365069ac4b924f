"""How the pages write a duration."""

from __future__ import annotations

from portfolio.templatetags.chaos import seconds as written


def test_durations_lose_their_tenths_when_they_are_long() -> None:
    assert [written(each) for each in (0.26, 99.9, 132.4)] == ["0.3 s", "99.9 s", "132 s"]
