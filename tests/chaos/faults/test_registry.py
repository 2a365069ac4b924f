"""The registry has every fault after import, and refuses any other."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.drivers.driver import choose_driver
from chaos.drivers.local import LocalDriver
from chaos.faults.fault import FaultWords
from chaos.faults.registry import FAULTS, BadRegistry, fault_named, register
from cluster.health.armed_faults import ArmedFaults, new_armed_fault
from compose.errors import Misuse
from config.environment import DATABASES
from tests.chaos.faults.engines import RecordingDriver, Toy

# Written by hand, so that no fault is lost by accident.
NAMES = {
    "kill-process", "pause-process", "restart-process",
    "close-broker-connections", "broker-memory-alarm", "pause-queue",
    "end-database-sessions", "refuse-database-connections", "read-only-database", "slow-database",
    "revoke-leases", "seal-secrets", "rotate-provider-key",
}  # fmt: skip


def test_every_fault_is_there() -> None:
    assert FAULTS.keys() >= NAMES
    assert all(name == fault.name for name, fault in FAULTS.items())


def test_any_process_can_be_broken_but_those_that_watch_heal_and_run() -> None:
    targets = set(FAULTS["kill-process"].targets())
    assert {"web", "rabbitmq", "redis", "openbao", "worker-orders", "postgres-site"} <= targets
    assert targets.isdisjoint({"observer", "watchdog", "chaos-runner", "epmd"})


def test_every_database_can_be_made_read_only_the_sites_too() -> None:
    assert FAULTS["read-only-database"].targets() == DATABASES


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("target", ["", "watchdog", "orders'; DROP TABLE saga; --", "../x", "-9"])
def test_a_target_that_is_not_in_the_list_is_refused(name: str, target: str) -> None:
    with pytest.raises(Misuse):
        fault_named(name).check(target, {})


@pytest.mark.parametrize(
    "parameters",
    [
        {"milliseconds": 0},
        {"milliseconds": 101},
        {"milliseconds": "80; SELECT 1"},
        {"milliseconds": True},
        {"milliseconds": float("nan")},
        {"seconds": 1},
    ],
)
def test_a_parameter_outside_its_bounds_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(Misuse):
        fault_named("slow-database").check("orders", parameters)


def test_an_unknown_fault_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(Misuse, match="kill-process"):
        fault_named("reboot")


def test_two_faults_of_one_name_do_not_load() -> None:
    with pytest.raises(BadRegistry, match="two"):
        register([Toy(ArmedFaults()), Toy(ArmedFaults())])


def test_a_fault_without_words_does_not_load() -> None:
    toy = Toy(ArmedFaults())
    toy.words = FaultWords(title="Toy", verb="", what="Nothing.")
    with pytest.raises(BadRegistry, match="words"):
        register([toy])


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_heal_may_be_repeated_and_needs_only_the_record(name: str) -> None:
    """Another process may heal a fault, which then has only the stored record of the injection."""
    fault = FAULTS[name]
    armed = new_armed_fault(fault=name, target=fault.targets()[0], seconds=5, actor="a test")
    driver = RecordingDriver()
    once = (fault.heal(driver, armed), list(driver.calls))
    driver.calls.clear()
    assert (FAULTS[name].heal(driver, armed), driver.calls) == once


def test_the_driver_is_the_local_one_unless_the_settings_say_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(choose_driver(), LocalDriver)
    monkeypatch.setenv("CHAOS_DRIVER", "telepathy")
    with pytest.raises(Misuse, match="telepathy"):
        choose_driver()
