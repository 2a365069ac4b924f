"""The Docker driver calls the Engine's API through Docker's real client, as the contract says.

No Engine runs here. contracts/docker-1.43.json names the source of its shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chaos.drivers.docker import DockerDriver
from chaos.drivers.driver import DriverError, choose_driver
from tests.chaos.drivers.contract_server import ContractServer, playing

PROJECT = "com.docker.compose.project=working-timetable"
EXEC = "f90e34656806e64ed0ec4b16c4c1c0d0d9a8b4e5c2d1f3a6b7c8d9e0f1a2b3c4"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    monkeypatch.setenv("CHAOS_DRIVER", "docker")
    for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "COMPOSE_PROJECT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with playing("docker-1.43.json") as served:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{served.port}")
        served.expect("SystemVersion")
        yield served


@pytest.fixture
def driver() -> DockerDriver:
    """The driver that the settings choose."""
    chosen = choose_driver()
    assert isinstance(chosen, DockerDriver)
    return chosen


def container(number: int, service: str, state: str = "running") -> dict[str, Any]:
    """Return one item of ContainerList."""
    return {
        "Id": f"{number:064x}",
        "Names": [f"/working-timetable-{service}-1"],
        "Image": "working-timetable",
        "State": state,
        "Status": "Up 5 minutes",
        "Labels": {
            "com.docker.compose.project": "working-timetable",
            "com.docker.compose.service": service,
            "com.docker.compose.oneoff": "False",
        },
    }


def expect_list(engine: ContractServer, service: str, *found: dict[str, Any]) -> None:
    labels = [
        PROJECT,
        "com.docker.compose.oneoff=False",
        *([f"com.docker.compose.service={service}"] if service else []),
    ]
    query = {"all": "1", "filters": {"label": labels}}
    engine.expect("ContainerList", query=query, answer=list(found))


def expect_command(
    engine: ContractServer, inside: dict[str, Any], code: int, *frames: tuple[int, str]
) -> None:
    engine.expect("ContainerExec", path={"id": inside["Id"]}, body={"Tty": False})
    start = {"Detach": False, "Tty": False}
    engine.expect("ExecStart", path={"id": EXEC}, body=start, answer={"frames": list(frames)})
    engine.expect("ExecInspect", path={"id": EXEC}, answer={"Running": False, "ExitCode": code})


def test_processes_are_the_services_of_the_project_but_for_its_errands(
    engine: ContractServer, driver: DockerDriver
) -> None:
    expect_list(engine, "", container(1, "web"), container(2, "beat"), container(3, "prepare"))
    assert driver.processes() == ["beat", "web"]


def test_a_killed_container_is_started_since_the_engine_leaves_it_dead(
    engine: ContractServer, driver: DockerDriver
) -> None:
    web = container(10, "web")
    expect_list(engine, "web", web)
    engine.expect("ContainerKill", path={"id": web["Id"]})
    engine.expect("ContainerStart", path={"id": web["Id"]})
    assert driver.kill("web").startswith(f"SIGKILL to web (container {web['Id'][:12]})")


def test_all_containers_of_a_scaled_service_are_paused_but_one_that_is_already(
    engine: ContractServer, driver: DockerDriver
) -> None:
    first = container(1, "worker-orders", "paused")
    second = container(2, "worker-orders")
    expect_list(engine, "worker-orders", first, second)
    engine.expect("ContainerPause", path={"id": second["Id"]})
    assert "worker-orders (containers " in driver.pause("worker-orders")


def test_what_is_paused_goes_on_and_what_is_not_is_left_alone(
    engine: ContractServer, driver: DockerDriver
) -> None:
    broker = container(1, "rabbitmq", "paused")
    expect_list(engine, "rabbitmq", broker)
    engine.expect("ContainerUnpause", path={"id": broker["Id"]})
    expect_list(engine, "rabbitmq", container(1, "rabbitmq"))
    assert "let rabbitmq" in driver.resume("rabbitmq")
    assert driver.resume("rabbitmq") == "rabbitmq was not paused any more"


def test_a_restart_allows_the_longest_grace_of_the_compose_file(
    engine: ContractServer, driver: DockerDriver
) -> None:
    server = container(1, "postgres-orders")
    expect_list(engine, "postgres-orders", server)
    engine.expect("ContainerRestart", path={"id": server["Id"]}, query={"t": "30"})
    assert "told to end" in driver.restart("postgres-orders")


@pytest.mark.parametrize("state", ["created", "exited", "dead"])
def test_a_container_that_ended_is_started(
    engine: ContractServer, driver: DockerDriver, state: str
) -> None:
    ended = container(1, "beat", state)
    expect_list(engine, "beat", ended)
    engine.expect("ContainerStart", path={"id": ended["Id"]})
    assert driver.ensure_running("beat").endswith("was started")


@pytest.mark.parametrize("state", ["running", "paused", "restarting"])
def test_a_container_that_the_engine_looks_after_is_not_started(
    engine: ContractServer, driver: DockerDriver, state: str
) -> None:
    expect_list(engine, "beat", container(1, "beat", state))
    assert driver.ensure_running("beat") == "the Docker Engine looks after beat"


def test_sql_is_run_by_psql_in_the_container_of_its_server(
    engine: ContractServer, driver: DockerDriver
) -> None:
    server = container(1, "postgres-orders")
    expect_list(engine, "postgres-orders", server)
    printed = ((1, "1\x1e\n\x1c\n7\x1f"), (2, "NOTICE: said beside\n"), (1, "\x1d\n"))
    expect_command(engine, server, 0, *printed)
    assert driver.sql("orders", ["SELECT 1", "SELECT 7, NULL"]) == [("7", None)]


def test_an_exit_code_is_waited_for_when_the_output_ends_first(
    engine: ContractServer, driver: DockerDriver
) -> None:
    broker = container(1, "rabbitmq")
    expect_list(engine, "rabbitmq", broker)
    engine.expect("ContainerExec", path={"id": broker["Id"]})
    engine.expect("ExecStart", path={"id": EXEC}, answer={"frames": [(1, "done\n")]})
    for _ in range(2):
        still = {"Running": True, "ExitCode": None}
        engine.expect("ExecInspect", path={"id": EXEC}, answer=still)
    engine.expect("ExecInspect", path={"id": EXEC}, answer={"Running": False, "ExitCode": 0})
    assert driver.broker("status") == "done\n"


def test_the_broker_is_told_by_its_own_command_and_its_refusal_is_passed_on(
    engine: ContractServer, driver: DockerDriver
) -> None:
    broker = container(1, "rabbitmq")
    command = ["rabbitmqctl", "--quiet", "set_vm_memory_high_watermark", "many"]
    expect_list(engine, "rabbitmq", broker)
    engine.expect("ContainerExec", path={"id": broker["Id"]}, body={"Cmd": command})
    engine.expect("ExecStart", path={"id": EXEC}, answer={"frames": [(2, "Error:\nnot a number")]})
    engine.expect("ExecInspect", path={"id": EXEC}, answer={"Running": False, "ExitCode": 64})
    with pytest.raises(DriverError, match=r"rabbitmqctl in container 0+: Error: not a number"):
        driver.broker("set_vm_memory_high_watermark", "many")


@pytest.mark.parametrize("act", ["kill", "pause", "resume", "restart", "ensure_running"])
def test_a_service_without_containers_is_no_process(
    engine: ContractServer, driver: DockerDriver, act: str
) -> None:
    expect_list(engine, "init")
    with pytest.raises(DriverError, match="no process 'init'"):
        getattr(driver, act)("init")


def test_what_the_engine_refuses_is_told_with_its_own_words(
    engine: ContractServer, driver: DockerDriver
) -> None:
    web = container(1, "web", "exited")
    expect_list(engine, "web", web)
    engine.expect("ContainerKill", path={"id": web["Id"]}, status=409)
    with pytest.raises(DriverError, match=r"the Docker Engine: Container d37.* is not running"):
        driver.kill("web")


def test_a_command_in_a_frozen_container_is_refused_and_not_waited_for(
    engine: ContractServer, driver: DockerDriver
) -> None:
    broker = container(1, "rabbitmq", "paused")
    expect_list(engine, "rabbitmq", broker)
    engine.expect("ContainerExec", path={"id": broker["Id"]}, status=409)
    expect_list(engine, "rabbitmq", broker)
    engine.expect("ContainerExec", path={"id": broker["Id"]})
    engine.expect("ExecStart", path={"id": EXEC}, status=409)
    with pytest.raises(DriverError, match="is paused, unpause"):
        driver.broker("status")
    with pytest.raises(DriverError, match="stopped or paused"):
        driver.broker("status")


def test_an_engine_that_does_not_answer_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(DriverError, match=r"the Docker Engine: .*refused"):
        DockerDriver().kill("web")
