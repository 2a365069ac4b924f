"""The catalogue describes every experiment in sentences, and keeps each within bounds."""

from __future__ import annotations

import pytest
from chaoslib.experiment import ensure_experiment_is_valid

from chaos.experiments.catalogue import EXPERIMENTS, experiment, experiments_on
from chaos.experiments.document import as_document
from chaos.experiments.experiment import Experiment, Family, Step, is_one_sentence
from chaos.experiments.steady import STEADY_STATE
from chaos.experiments.storm import steps_of
from chaos.faults.processes import SPARED
from chaos.faults.registry import fault_named
from cluster.health.armed_faults import LONGEST
from cluster.health.observer.naming import expected_processes
from compose.errors import Misuse
from compose.processes import services

ALL = list(EXPERIMENTS.values())
# These processes of servers have no probe, and no part of the platform needs them to be up.
UNPROBED = {"unsealer", "link-proxy"}


def a_kill(**changes: object) -> Experiment:
    given: dict[str, object] = {
        "name": "kill-it",
        "title": "It is killed",
        "family": Family.KILLS,
        "hypothesis": "It comes back.",
        "blast_radius": "Nobody notices.",
        "watch": "It is gone and comes back.",
        "targets": ("redis",),
        "steps": (Step("kill-process", "redis"),),
    }
    return Experiment(**{**given, **changes})  # type: ignore[arg-type]


def test_there_are_experiments_of_every_family() -> None:
    assert {one.family for one in ALL} == set(Family) - {Family.COMPOSED}
    assert len(ALL) >= 16


def test_every_process_can_be_killed_but_those_that_watch_and_mend() -> None:
    killed = {one.process for one in ALL if one.family is Family.KILLS}
    assert {process.name for process in services()} - killed == SPARED | {"link-proxy"}


def test_a_title_tells_what_to_do_and_not_what_has_happened() -> None:
    """Queue and page show it before anything is broken."""
    assert [one.title for one in ALL if {"is", "are"} & set(one.title.split())] == []


def test_titles_and_hypotheses_are_unique() -> None:
    assert len({one.title for one in ALL}) == len(ALL)
    assert len({one.hypothesis for one in ALL}) == len(ALL)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_an_experiment_is_a_valid_document_of_chaos_toolkit(one: Experiment) -> None:
    document = as_document(one, 7 if one.seeded else None)
    ensure_experiment_is_valid(document)
    assert document["title"] == one.title
    assert document["steady-state-hypothesis"]["title"] == one.hypothesis
    (ours,) = document["extensions"]
    assert ours["blast_radius"] == one.blast_radius


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_step_is_in_the_registry_of_faults_and_ends_in_time(one: Experiment) -> None:
    for step in steps_of(one, 7):
        fault_named(step.fault).check(step.target, step.parameters)
        assert step.life <= LONGEST


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_what_may_be_away_is_a_process_of_the_platform(one: Experiment) -> None:
    assert {*one.targets, *one.bystanders} <= {*expected_processes()} | UNPROBED


def test_the_probes_of_the_document_are_those_that_are_sampled_meanwhile() -> None:
    probes = as_document(EXPERIMENTS["kill-redis"])["steady-state-hypothesis"]["probes"]
    assert [probe["name"] for probe in probes] == [*STEADY_STATE, "invariants hold"]
    assert all(probe["tolerance"] is True for probe in probes)


def test_what_lasts_is_healed_by_the_method_and_all_of_it_by_the_rollbacks() -> None:
    document = as_document(EXPERIMENTS["pause-redis"])
    does = [activity["provider"]["func"] for activity in document["method"]]
    assert does == ["begin_load", "inject", "heal", "recovered", "end_load", "checkouts_ended"]
    heal = document["method"][2]
    assert heal["pauses"]["before"] == 8.0
    assert document["rollbacks"][0]["provider"]["func"] == "heal_everything"


def test_the_experiments_on_a_process_are_found_by_its_name() -> None:
    assert {"kill-worker-orders", "pause-worker-orders", "pause-queue-orders"} <= {
        one.name for one in experiments_on("worker-orders")
    }
    assert experiments_on("nobody") == []


def test_an_unknown_experiment_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(Misuse, match="kill-rabbitmq"):
        experiment("kill-the-lights")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"hypothesis": "It comes back. Nobody knows when."}, "not one sentence"),
        ({"watch": "it is gone"}, "not one sentence"),
        ({"targets": ()}, "reaches no process"),
        ({"steps": ()}, "breaks nothing"),
        ({"steps": (Step("pause-process", "redis", 59.0),)}, "lasts longer"),
    ],
)
def test_a_wrong_declaration_is_refused_when_it_is_imported(
    changes: dict[str, object], refusal: str
) -> None:
    with pytest.raises(ValueError, match=refusal):
        a_kill(**changes)


@pytest.mark.parametrize("text", ["No stop", "two. Sentences.", "lower case."])
def test_what_is_not_one_sentence(text: str) -> None:
    assert not is_one_sentence(text)
