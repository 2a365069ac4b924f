"""The records on the disk name the armed faults, and who healed each earlier one."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from chaos.faults.healed import MOST_BYTES, HealedLog
from cluster.health.armed_faults import LONGEST, ArmedFault, ArmedFaults, new_armed_fault


def fault(seconds: float = 10.0, target: str = "worker-orders") -> ArmedFault:
    return new_armed_fault(fault="toy", target=target, seconds=seconds, actor="a test", run="r1")


def test_no_fault_lives_longer_than_a_minute() -> None:
    armed = fault(seconds=3600)
    assert armed.until - armed.armed_at == pytest.approx(LONGEST)


def test_a_fault_expires_at_its_time_and_when_the_clock_was_set_back() -> None:
    armed = fault()
    assert not armed.expired
    assert msgspec.structs.replace(armed, until=time.time() - 0.01).expired
    # Otherwise a fault that was armed before the clock was set back would live for hours.
    assert msgspec.structs.replace(armed, armed_at=time.time() + 3600).expired


def test_what_is_armed_is_read_by_another_process_oldest_first(tmp_path: Path) -> None:
    first, second = fault(target="one"), fault(target="two")
    for armed in (second, first):
        ArmedFaults(tmp_path).arm(armed)
    assert ArmedFaults(tmp_path).all() == [first, second]


def test_disarming_twice_is_disarming_once(tmp_path: Path) -> None:
    faults, armed = ArmedFaults(tmp_path), fault()
    faults.arm(armed)
    assert faults.has(armed.id)
    faults.disarm(armed.id)
    faults.disarm(armed.id)
    assert (faults.has(armed.id), faults.all()) == (False, [])


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    faults, armed = ArmedFaults(tmp_path), fault()
    faults.arm(armed)
    (tmp_path / "0.json").write_text("{")
    assert faults.all() == [armed]


def test_a_name_of_a_file_is_always_an_id(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        ArmedFaults(tmp_path).disarm("../../platform")


def test_the_first_heal_of_a_fault_is_the_one_that_counts(tmp_path: Path) -> None:
    log, armed = HealedLog(tmp_path / "healed.jsonl"), fault()
    log.note(armed, by="watchdog", words="mended")
    log.note(armed, by="rollback", words="nothing left to mend")
    healed = log.of(armed.id)
    assert healed is not None
    assert (healed.by, healed.words, healed.run) == ("watchdog", "mended", "r1")
    assert log.of(fault().id) is None


def test_the_log_of_heals_stays_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    log = HealedLog(tmp_path / "healed.jsonl")
    for number in range(200):
        log.note(fault(), by="watchdog", words=f"{number} {'x' * 4000}")
    assert log.path.stat().st_size < MOST_BYTES + 5000
    assert log.all()[-1].words.startswith("199 ")


def test_half_a_line_hides_no_other(tmp_path: Path) -> None:
    log, armed = HealedLog(tmp_path / "healed.jsonl"), fault()
    log.path.write_text('{"id": "half\n')
    log.note(armed, by="watchdog", words="mended")
    assert [healed.id for healed in log.all()] == [armed.id]
