"""Experiments: what there is to break, what is refused, and what a record keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chaos.experiments.catalogue import EXPERIMENTS, experiment, experiments_on
from chaos.experiments.incident import read_incident
from compose.errors import Misuse
from compose.processes import services
from config.environment import ROOT

RECORDED = ROOT / "articles" / "incidents" / "broker-killed.json"


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "chaos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_service_process_can_be_killed_but_those_that_watch() -> None:
    broken = {one.process for one in EXPERIMENTS.values()}
    assert {process.name for process in services()} - broken == {"observer", "watchdog"}


def test_each_experiment_states_its_hypothesis_and_who_may_notice() -> None:
    for one in EXPERIMENTS.values():
        assert one.hypothesis.endswith("lost."), one.name
        assert one.blast_radius, one.name


def test_the_experiments_on_a_process_are_found_by_its_name() -> None:
    assert [one.name for one in experiments_on("rabbitmq")] == ["kill-rabbitmq"]
    assert experiments_on("nobody") == []


def test_an_unknown_experiment_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(Misuse, match="kill-rabbitmq"):
        experiment("kill-the-lights")


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
def test_a_killed_worker_is_recorded_from_the_signal_to_the_proof(
    platform: Any, tmp_path: Path
) -> None:
    file = tmp_path / "incident.json"

    done = chaos("run", "kill-worker-orders", "--rate", "5", "--json", "--save", str(file))

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads(file.read_bytes())
    assert document["passed"] is True
    assert document["figures"]["unfinished"] == 0
    assert document["figures"]["recover_seconds"] is not None
    assert [outage["process"] for outage in document["outages"]] == ["worker-orders"]
    report = json.loads(chaos("report", document["id"], "--json").stdout)
    assert report == document


@pytest.mark.platform
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "kill-the-lights"), "There is no experiment"),
        (("run", "kill-redis", "--rate", "0"), "must lie above 0"),
        (("report", "nothing"), "is not the id of an incident"),
    ],
)
def test_misuse_is_answered_with_one_sentence(
    platform: Any, arguments: tuple[str, ...], said: str
) -> None:
    done = chaos(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
