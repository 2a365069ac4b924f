"""The watchdog heals expired faults only, each by itself, and retries until the heal works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from chaos.faults.engine import Engine
from chaos.watchdog.watchdog import Watchdog
from cluster.health.armed_faults import ArmedFault, new_armed_fault
from tests.chaos.faults.engines import Toy, toy_engine
from tests.conditions import eventually


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return toy_engine(tmp_path)[0]


@pytest.fixture
def toy(engine: Engine) -> Toy:
    found = engine.faults["toy"]
    assert isinstance(found, Toy)
    return found


def watchdog(engine: Engine) -> Watchdog:
    return Watchdog(armed=engine.armed, make_engine=lambda: replace(engine))


def arm(engine: Engine, *, expired: bool, fault: str = "toy") -> ArmedFault:
    """Arm a fault without injecting it, as an injector does that dies in between."""
    armed = new_armed_fault(fault=fault, target="toy", seconds=30, actor="a test")
    armed = msgspec.structs.replace(armed, until=armed.armed_at) if expired else armed
    engine.armed.arm(armed)
    return armed


def test_what_has_expired_is_healed_and_noted_and_nothing_else(engine: Engine) -> None:
    expired, _young = arm(engine, expired=True), arm(engine, expired=False)
    dog = watchdog(engine)
    dog.look()
    dog.wait()
    assert engine.armed.all() == [_young]
    healed = engine.healed.of(expired.id)
    assert healed is not None
    assert healed.by == "watchdog"


def test_it_tries_again_until_the_heal_works(engine: Engine, toy: Toy) -> None:
    arm(engine, expired=True)
    toy.failing_heals = 2
    dog = watchdog(engine)

    def healed() -> bool:
        dog.look()
        return not engine.armed.all()

    assert eventually(healed)
    assert (toy.failing_heals, toy.heals) == (0, 1)


def test_a_record_that_nobody_understands_keeps_no_other_from_being_healed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    strange = arm(engine, expired=True, fault="of-another-revision")
    arm(engine, expired=True)
    dog = watchdog(engine)
    dog.look()
    dog.wait()
    assert engine.armed.all() == [strange]
    assert "There is no fault 'of-another-revision'" in caplog.text


def test_a_heal_that_fails_is_not_tried_at_every_look(engine: Engine, toy: Toy) -> None:
    arm(engine, expired=True)
    toy.failing_heals = 100
    dog = watchdog(engine)
    for _ in range(50):
        dog.look()
    dog.wait()
    assert toy.failing_heals >= 98
