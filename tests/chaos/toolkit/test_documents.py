"""A document is played by Chaos Toolkit as the runner plays its experiment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.document import as_document
from chaos.toolkit import actions, probes
from tests.chaos.experiments.staged import BROKEN, Staged, verdict_of

# Exported on 30 November 2026, and edited by hand since.
BROUGHT: dict[str, Any] = json.loads((Path(__file__).parent / "pause-redis.json").read_text())
METHOD = {
    "kill-redis": ["begin load", "inject", "recovered", "end load", "checkouts ended"],
    "pause-redis": ["begin load", "inject", "heal", "recovered", "end load", "checkouts ended"],
    "flash-sale": ["begin load", "wait for load", "recovered", "end load", "checkouts ended"],
}


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> Staged:
    found = Staged()
    for providers in (actions, probes):
        monkeypatch.setattr(providers, "stages", lambda: found)
    return found


def hurried(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without its pauses."""
    method = [
        {key: value for key, value in activity.items() if key != "pauses"}
        for activity in document["method"]
    ]
    return document | {"method": method}


@pytest.mark.parametrize("name", METHOD)
def test_an_exported_document_passes_the_stages_of_the_runner(name: str, staged: Staged) -> None:
    journal = run_experiment(hurried(as_document(EXPERIMENTS[name])))
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert staged.done == ["verdict", *METHOD[name], "verdict", "heal everything", "end load"]


def test_a_document_that_a_user_brings_is_valid_and_played(staged: Staged) -> None:
    ensure_experiment_is_valid(BROUGHT)
    journal = run_experiment(hurried(BROUGHT))
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert [one for one in staged.done if one in {"inject", "heal"}] == ["inject", "heal"]
    assert [one["status"] for one in journal["run"]] == ["succeeded"] * len(journal["run"])


def test_nothing_is_broken_on_a_platform_that_is_not_steady(staged: Staged) -> None:
    staged.verdicts = [verdict_of(BROKEN)]
    journal = run_experiment(hurried(BROUGHT))
    assert journal["steady_states"]["before"]["steady_state_met"] is False
    assert "inject" not in staged.done
