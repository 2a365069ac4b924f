"""The arguments of `manage.py test` that run the whole suite, in parts."""

from __future__ import annotations

import pytest

from compose.suite import is_whole
from config.environment import ROOT
from tests.conftest import INTERFERING


@pytest.mark.parametrize(
    "arguments", [[], ["-q"], ["--durations=40", "-ra"], ["-vv", "--color=no"], ["--full"]]
)
def test_options_alone_ask_for_everything(arguments: list[str]) -> None:
    assert is_whole(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["tests/chaos"],
        ["-k", "relay"],
        ["-m", "fault"],
        ["--version"],
        ["-q", "-x"],
        ["-vkrelay"],
        ["--lf"],
    ],
)
def test_whoever_looks_for_something_gets_one_process(arguments: list[str]) -> None:
    assert not is_whole(arguments)


def test_the_files_that_do_not_run_at_the_same_time_are_there() -> None:
    assert [path for _, path in INTERFERING if not (ROOT / path).exists()] == []
