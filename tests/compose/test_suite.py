"""The whole suite in parts: who asks for it, and what a part is worth that has crashed."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose import suite
from compose.suite import Part, is_whole


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


def test_a_part_that_ended_without_a_result_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "RUN", tmp_path)

    result = Part("that-crashed", (), tmp_path).result()

    assert result["passed"] == 0
    [failure] = result["failures"]
    assert (failure["test"], failure["again"]) == ("the part that-crashed", False)
