"""The windows of retention: the horizon has a least value, and the README shows them all."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest

from config.environment import ROOT
from config.retention import (
    INBOX,
    LEAST_HISTORY,
    HorizonTooNear,
    Window,
    horizon,
    refundable,
    windows,
)


def test_the_horizon_is_a_setting_in_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTORY_DAYS", "45")
    assert (horizon(), refundable()) == (timedelta(days=45), timedelta(days=45) - INBOX)


@pytest.mark.parametrize("value", [str(LEAST_HISTORY.days - 1), "-30", "a month", "99999999"])
def test_a_horizon_that_is_too_near_or_no_number_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HISTORY_DAYS", value)
    with pytest.raises(HorizonTooNear, match="at least 21"):
        horizon()


def test_the_readme_shows_every_window() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme.partition("| record | kept for | pruned by |\n|---|---|---|\n")[2]
    assert table.partition("\n\n")[0].splitlines() == [shown(window) for window in windows()]


@pytest.mark.parametrize("window", [w for w in windows() if w.statement], ids=lambda w: w.record)
def test_every_statement_that_is_named_deletes(window: Window) -> None:
    module, _, name = window.statement.partition(":")
    assert "DELETE FROM" in str(getattr(import_module(module), name))


def shown(window: Window) -> str:
    return (
        f"| {window.record} | {window.words} | "
        + (f"`{window.statement}`" if window.statement else "nothing")
        + " |"
    )
