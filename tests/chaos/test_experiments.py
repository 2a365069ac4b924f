"""`manage.py chaos` and Chaos Toolkit's own `chaos`: runs, records, exports and refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from chaoslib.experiment import ensure_experiment_is_valid

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.document import as_document
from chaos.experiments.incident import read_incident
from cluster.health.armed_faults import ArmedFaults
from compose import bootstrap
from config.environment import ROOT

RECORDED = ROOT / "articles" / "incidents" / "broker-killed.json"
ENVIRONMENT = Path(sys.prefix) / "bin"


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "chaos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_record_survives_being_written_and_read() -> None:
    document = read_incident(RECORDED.read_bytes())
    assert read_incident(document.as_json()) == document


def test_a_document_that_is_no_record_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        read_incident(b'{"id": "1"}')


def test_what_the_articles_show_was_survived_and_decided() -> None:
    document = read_incident(RECORDED.read_bytes())
    assert document.passed
    assert (document.figures.violations, document.figures.undecided) == (0, 0)
    assert next(mark.label for mark in document.marks) == "injected"


@pytest.mark.platform
@pytest.mark.fault
@pytest.mark.full
def test_a_killed_worker_is_recorded_from_the_signal_to_the_proof(
    platform: Any, tmp_path: Path
) -> None:
    file = tmp_path / "incident.json"

    done = chaos("run", "kill-worker-orders", "--rate", "5", "--json", "--save", str(file))

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads(file.read_bytes())
    assert (document["status"], document["passed"]) == ("passed", True)
    assert document["deviations"] == []
    assert document["figures"]["unfinished"] == 0
    assert document["figures"]["recover_seconds"] is not None
    assert document["followed"]["whole"] is True
    assert document["deliveries"]["published"] >= document["deliveries"]["confirmed"] > 0
    assert document["deliveries"]["redelivered"] >= 0
    assert document["offered"]["accepted"] == document["figures"]["checkouts"] > 0
    assert [outage["process"] for outage in document["outages"]] == ["worker-orders"]
    report = json.loads(chaos("report", document["id"], "--json").stdout)
    assert report == document


@pytest.mark.platform
@pytest.mark.fault
@pytest.mark.full
def test_chaos_toolkits_own_command_runs_an_exported_experiment(
    platform: Any, tmp_path: Path
) -> None:
    exported = tmp_path / "experiment.json"
    exported.write_text(chaos("export", "kill-redis").stdout)
    journal = tmp_path / "journal.json"
    command = [str(ENVIRONMENT / "chaos"), "--no-version-check", "run"]

    done = subprocess.run(
        [*command, f"--journal-path={journal}", str(exported)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(journal.read_text())
    assert (told["status"], told["deviated"]) == ("completed", False)
    assert told["steady_states"]["after"]["steady_state_met"] is True
    assert [one["status"] for one in told["run"]] == ["succeeded"] * len(told["run"])
    recovered = next(one for one in told["run"] if one["activity"]["name"] == "recovered")
    assert recovered["output"] is True
    assert ArmedFaults().all() == []


def test_an_exported_storm_is_valid_and_remembers_its_seed() -> None:
    exported = json.loads(chaos("export", "storm", "--seed", "12").stdout)
    ensure_experiment_is_valid(exported)
    assert exported == as_document(EXPERIMENTS["storm"], 12)
    assert exported["extensions"][0]["seed"] == 12


def test_the_list_names_every_experiment() -> None:
    assert [one["name"] for one in json.loads(chaos("list", "--json").stdout)] == list(EXPERIMENTS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "kill-the-lights"), "There is no experiment"),
        (("run", "kill-redis", "--rate", "0"), "must lie above 0"),
        (("run", "kill-redis", "--seed", "1"), "takes no seed"),
        (("campaign", "--only", "weather"), "There is no family"),
        (("report", "nothing"), "is not the id of an incident"),
    ],
)
def test_misuse_is_answered_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    # In another environment than this one, the command would take the place of pytest.
    monkeypatch.setattr(bootstrap, "VENV", Path(sys.prefix))
    try:
        status: object = bootstrap.main(["chaos", *arguments])
    except SystemExit as end:  # Django ends a command like this
        status = end.code
    assert status == 2
    assert said in capsys.readouterr().err
