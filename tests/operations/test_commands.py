"""A command answers misuse with one plain sentence, before it asks the cluster anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from compose.errors import Misuse
from tests.commands import manage


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--count", "0"], "The count must lie between 1 and 10000, and 0 does not."),
        (["--count", "1000000"], "The count must lie between 1 and 10000, and 1000000 does not."),
        (["--count", "many"], "The count must be a whole number, not 'many'."),
        (["--quantity", "0"], "The quantity must lie between 1 and 100, and 0 does not."),
        (
            ["--quantity", "1000000"],
            "The quantity must lie between 1 and 100, and 1000000 does not.",
        ),
        (["--timeout", "-1"], "The time must lie between 0 and 86400 s, not -1."),
        (["--timeout", "nan"], "The time must lie between 0 and 86400 s, not nan."),
        (
            ["--outcome", "out-of-stock", "--sku", "MUG"],
            "The outcome out-of-stock chooses its own product: leave --sku out.",
        ),
    ],
)
def test_checkout_refuses(arguments: list[str], sentence: str) -> None:
    with pytest.raises(Misuse) as refused:
        call_command("checkout", *arguments)
    assert str(refused.value) == sentence
    assert refused.value.status == 2


@pytest.mark.parametrize("text", ["checkout", "checkout:", "nobody:1", "checkout:-1", "orders:x"])
def test_deadletters_refuses_what_is_no_id(text: str) -> None:
    with pytest.raises(Misuse, match="is not the id of a dead letter"):
        call_command("deadletters", "show", text)


@pytest.mark.parametrize("arguments", [[], ["checkout:1", "--all"]])
def test_a_replay_names_dead_letters_or_all_of_them(arguments: list[str]) -> None:
    with pytest.raises(Misuse, match="Name the dead letters to replay, or say --all"):
        call_command("deadletters", "replay", *arguments)


def test_a_replay_keeps_to_the_named_service() -> None:
    with pytest.raises(Misuse, match="orders:1 is not a dead letter of checkout"):
        call_command("deadletters", "replay", "orders:1", "--service", "checkout")


@pytest.mark.parametrize(
    "arguments", [("checkout",), ("cluster", "verify", "--json"), ("deadletters", "list")]
)
def test_without_a_platform_the_answer_is_no_and_the_way_to_one(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    answer = manage(*arguments, PORTFOLIO_RUN_DIR=str(tmp_path))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "`python3 manage.py up`" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_misuse_has_exit_status_2(tmp_path: Path) -> None:
    answer = manage("checkout", "--count", "0", "--json", PORTFOLIO_RUN_DIR=str(tmp_path))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "The count must lie between 1 and 10000, and 0 does not.\n"


def test_the_status_of_nothing_is_unhealthy_and_still_a_document(tmp_path: Path) -> None:
    answer = manage("cluster", "status", "--json", PORTFOLIO_RUN_DIR=str(tmp_path))
    assert answer.returncode == 1
    assert answer.stdout.startswith('{\n  "healthy": false')
