"""The local driver refuses in words, and reaches the real servers' own controls."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.drivers.driver import DriverError
from chaos.drivers.local import LocalDriver
from compose.supervisor import Supervisor


@pytest.fixture
def driver(platform: None) -> LocalDriver:
    return LocalDriver()


@pytest.mark.parametrize("act", ["kill", "pause", "resume", "restart", "ensure_running"])
def test_where_no_platform_has_run_nothing_can_be_broken(tmp_path: Path, act: str) -> None:
    with pytest.raises(DriverError, match="No platform has run"):
        getattr(LocalDriver(tmp_path), act)("web")


def test_where_no_platform_has_run_no_server_is_reached(tmp_path: Path) -> None:
    nothing = LocalDriver(tmp_path)
    with pytest.raises(DriverError, match="RabbitMQ"):
        nothing.broker("status")
    with pytest.raises(DriverError, match="OpenBao"):
        nothing.secrets("GET", "sys/health")


@pytest.mark.platform
@pytest.mark.parametrize("act", ["kill", "pause", "resume", "restart", "ensure_running"])
def test_a_process_that_is_not_in_the_table_is_refused(driver: LocalDriver, act: str) -> None:
    with pytest.raises(DriverError, match="no process 'init'"):
        getattr(driver, act)("init")


@pytest.mark.platform
@pytest.mark.fault
def test_a_stopped_process_is_started_and_a_running_one_left_alone(driver: LocalDriver) -> None:
    supervisor = Supervisor.connect()
    supervisor.stop("beat")
    assert driver.ensure_running("beat") == "beat was started"
    pid = supervisor.pid("beat")
    assert driver.ensure_running("beat") == "the supervisor looks after beat"
    assert supervisor.pid("beat") == pid


@pytest.mark.platform
def test_the_rows_of_the_last_statement_are_given(driver: LocalDriver) -> None:
    said = driver.sql("orders", ["SELECT 1", "SELECT current_database()"], within="orders")
    assert said == [("orders",)]
    assert driver.sql("orders", ["SELECT current_database()"]) == [("postgres",)]


@pytest.mark.platform
def test_what_a_server_refuses_is_told_with_its_own_words(driver: LocalDriver) -> None:
    with pytest.raises(DriverError, match='relation "nothing" does not exist'):
        driver.sql("orders", ["SELECT * FROM nothing"])
    with pytest.raises(DriverError, match=r"403: .*permission denied"):
        driver.secrets("GET", "database/roles/nobody")
    with pytest.raises(DriverError, match=r"rabbitmqctl set_vm_memory_high_watermark: .*many"):
        driver.broker("set_vm_memory_high_watermark", "many")
