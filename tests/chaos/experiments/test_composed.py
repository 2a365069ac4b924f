"""A composed experiment is one fault of the registry, and its name holds all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaoslib.experiment import ensure_experiment_is_valid

from chaos.experiments.catalogue import EXPERIMENTS, experiment, find
from chaos.experiments.composed import (
    LOADS,
    LONGEST_FAULT,
    MARK,
    Choice,
    choice_of,
    compose,
    composed,
)
from chaos.experiments.document import as_document
from chaos.experiments.experiment import Experiment, Family, Profile
from chaos.faults.fault import Fault
from chaos.faults.processes import SPARED
from chaos.faults.registry import FAULTS
from cluster.health.armed_faults import LONGEST
from cluster.health.observer.naming import expected_processes
from compose.errors import Misuse

PAUSE = Choice("pause-process", "redis", 10, "mixed")
EVERY = [(fault, target) for fault in FAULTS.values() for target in fault.targets()]


def of(fault: Fault, target: str) -> Experiment:
    seconds = LONGEST_FAULT if fault.lasts else 0
    return compose(Choice(fault.name, target, seconds, "steady"))


def test_its_name_holds_all_of_it() -> None:
    one = compose(PAUSE)
    assert one.name == "composed_pause-process_redis_10_mixed"
    assert (choice_of(one.name), find(one.name), experiment(one.name)) == (PAUSE, one, one)
    assert (one.title, one.load) == ("Pause a process: redis for 10 s, mixed load", Profile.MIXED)
    assert PAUSE.query == "fault=pause-process&target=redis&seconds=10&load=mixed"


@pytest.mark.parametrize(("fault", "target"), EVERY, ids=lambda one: getattr(one, "name", one))
def test_every_fault_can_be_composed_with_each_of_its_targets(fault: Fault, target: str) -> None:
    one = of(fault, target)
    assert find(one.name) == one
    assert one.name not in EXPERIMENTS
    assert one.family is Family.COMPOSED
    assert SPARED.isdisjoint({*one.targets, *one.bystanders})
    assert {*one.targets} <= {*expected_processes()}
    (step,) = one.steps
    assert step.life <= LONGEST
    assert (step.seconds is None) is not fault.lasts
    ensure_experiment_is_valid(as_document(one))


def test_no_part_contains_the_mark_between_parts() -> None:
    assert [part for pair in EVERY for part in (pair[0].name, pair[1]) if MARK in part] == []


def test_only_a_kill_has_to_be_seen_by_the_observer() -> None:
    assert {fault.name for fault, target in EVERY if of(fault, target).outage} == {"kill-process"}


def test_a_burst_is_no_load_of_a_fault_that_lasts() -> None:
    assert set(Profile) - {*LOADS} == {Profile.RETRY_STORM, Profile.FLASH_SALE}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fault": "reboot"}, "There is no fault 'reboot'"),
        ({"target": "watchdog"}, "cannot be applied to 'watchdog'"),
        ({"target": "orders"}, "cannot be applied to 'orders'"),
        ({"fault": "cut-link"}, "has no target 'redis'"),
        ({"seconds": 0}, "lasts from 1 to 55 seconds"),
        ({"seconds": LONGEST_FAULT + 1}, "lasts from 1 to 55 seconds"),
        ({"fault": "kill-process"}, "is over at once"),
        ({"load": "flash-sale"}, "There is no load 'flash-sale'"),
        ({"load": ""}, "There is no load ''"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_in_words(
    changes: dict[str, object], words: str
) -> None:
    wrong = replace(PAUSE, **changes)  # type: ignore[arg-type]
    with pytest.raises(Misuse, match=words):
        compose(wrong)
    assert find(wrong.name) is None


@pytest.mark.parametrize(
    "name",
    [
        "composed",
        "composed_pause-process_redis_10",
        "composed_pause-process_redis_10_mixed_",
        "composed_pause-process_redis_010_mixed",
        "composed_pause-process_redis_-1_mixed",
        "composed_pause-process_redis_1e1_mixed",
        "composed_pause-process_redis_١٠_mixed",
        "composed_pause-process_redis__mixed",
        "Composed_pause-process_redis_10_mixed",
        "composed_pause-process_redis_" + "9" * 5000 + "_mixed",
    ],
)
def test_a_name_that_is_not_written_so_is_none(name: str) -> None:
    assert composed(name) is None
    with pytest.raises(Misuse, match="There is no experiment"):
        experiment(name)
