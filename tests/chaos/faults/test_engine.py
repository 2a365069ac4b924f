"""The engine arms a fault before it injects it, and heals it before it disarms it.

The order also holds when a step fails.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.faults.engine import Engine, InjectionFailed, NotHealed
from chaos.faults.registry import FAULTS
from cluster.health.armed_faults import ArmedFault
from compose.errors import Misuse
from tests.chaos.faults.engines import Toy, toy_engine


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return toy_engine(tmp_path)[0]


@pytest.fixture
def toy(engine: Engine) -> Toy:
    found = engine.faults["toy"]
    assert isinstance(found, Toy)
    return found


def inject(engine: Engine, target: str = "toy", run: str = "") -> tuple[ArmedFault, str]:
    return engine.inject(fault="toy", target=target, seconds=5, actor="a test", run=run)


def test_a_fault_is_armed_before_it_is_injected(engine: Engine, toy: Toy) -> None:
    armed, words = inject(engine)
    assert toy.armed_when_injected == [True]
    assert engine.armed.all() == [armed]
    assert words == "broken"


def test_a_heal_is_noted_with_its_author_and_disarms(engine: Engine) -> None:
    armed, _ = inject(engine)
    assert engine.heal(armed) == "mended toy"
    assert engine.armed.all() == []
    (healed,) = engine.healed.all()
    assert (healed.id, healed.by) == (armed.id, "rollback")


def test_an_injection_that_fails_half_way_is_healed_and_disarmed(engine: Engine, toy: Toy) -> None:
    toy.failing_injections = 1
    with pytest.raises(InjectionFailed, match="half done"):
        inject(engine)
    assert (toy.heals, engine.armed.all()) == (1, [])


def test_what_can_neither_be_injected_nor_healed_stays_armed(engine: Engine, toy: Toy) -> None:
    toy.failing_injections = toy.failing_heals = 1
    with pytest.raises(InjectionFailed):
        inject(engine)
    assert [armed.target for armed in engine.armed.all()] == ["toy"]


def test_an_injection_that_outlasts_the_watchdogs_heal_is_undone(engine: Engine, toy: Toy) -> None:
    toy.healed_during_injection = True
    inject(engine)
    assert toy.heals == 1


def test_nothing_of_what_is_not_in_the_catalogue_is_armed(engine: Engine, toy: Toy) -> None:
    with pytest.raises(Misuse):
        inject(engine, target="toy; reboot")
    with pytest.raises(Misuse):
        engine.inject(fault="reboot", target="toy", seconds=5, actor="a test")
    with pytest.raises(Misuse):
        engine.inject(fault="toy", target="toy", seconds=float("nan"), actor="a test")
    assert (toy.armed_when_injected, engine.armed.all()) == ([], [])


def test_the_same_fault_is_not_injected_twice_at_once(engine: Engine) -> None:
    armed, _ = inject(engine)
    with pytest.raises(InjectionFailed, match="already"):
        inject(engine)
    assert engine.armed.all() == [armed]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("pause-process", "worker-orders"), ("pause-queue", "orders")),
        (("pause-queue", "orders"), ("pause-process", "worker-orders")),
    ],
)
def test_a_process_is_not_paused_twice_under_two_names(
    engine: Engine, first: tuple[str, str], second: tuple[str, str]
) -> None:
    """Otherwise the first heal would end both faults."""
    real = replace(engine, faults=FAULTS)
    for other in (first, ("pause-process", "worker-catalog")):
        real.inject(fault=other[0], target=other[1], seconds=5, actor="a test")
    with pytest.raises(InjectionFailed, match="worker-orders is paused already, by pause-"):
        real.inject(fault=second[0], target=second[1], seconds=5, actor="a test")
    assert len(real.armed.all()) == 2


def test_a_fault_that_was_healed_is_left_alone(engine: Engine, toy: Toy) -> None:
    armed, _ = inject(engine)
    engine.heal(armed, by="watchdog")
    inject(engine)  # an equal fault, which the rollback of the first must not end
    assert engine.heal(armed) == "healed already by the watchdog: mended toy"
    assert toy.heals == 1


def test_a_heal_that_fails_leaves_the_fault_armed(engine: Engine, toy: Toy) -> None:
    armed, _ = inject(engine)
    toy.failing_heals = 1
    with pytest.raises(NotHealed, match="the server starts"):
        engine.heal(armed)
    assert engine.armed.all() == [armed]
    assert engine.healed.all() == []


def test_a_patient_heal_tries_again(engine: Engine, toy: Toy) -> None:
    armed, _ = inject(engine)
    toy.failing_heals = 1
    assert engine.heal(armed, patience=10) == "mended toy"


def test_one_that_cannot_be_healed_keeps_no_other_from_it(engine: Engine, toy: Toy) -> None:
    inject(engine)
    inject(engine, target="other")
    toy.failing_heals = 1  # the newest is tried first
    healings = engine.heal_each(patience=0)
    assert [(one.armed.target, one.healed) for one in healings] == [("other", False), ("toy", True)]
    assert [armed.target for armed in engine.armed.all()] == ["other"]


def test_only_one_runs_faults_are_healed_when_a_run_is_named(engine: Engine) -> None:
    inject(engine, run="r1")
    inject(engine, target="other", run="r2")
    assert [one.armed.run for one in engine.heal_each(run="r2")] == ["r2"]
    assert [armed.run for armed in engine.armed.all()] == ["r1"]
