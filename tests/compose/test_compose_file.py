"""The file for Docker Compose agrees with compose/processes.py on every process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.secrets import provisioning
from compose.process import Process
from config.environment import compose_project
from tests.compose.deployments import BREAKERS, COMPOSE_FILE, SERVERS

# Containers that run and end: the set-up, and a command line.
ERRANDS = {"prepare", "console"}


def test_compose_runs_every_process_and_every_server_once(processes: Mapping[str, Any]) -> None:
    assert set(COMPOSE_FILE["services"]) == set(processes) | SERVERS | ERRANDS


def test_compose_runs_each_process_with_its_command_and_identity(
    processes: Mapping[str, Process],
) -> None:
    for name, process in processes.items():
        service = COMPOSE_FILE["services"][name]
        assert service["command"] == ["python", *process.command[1:]], name
        assert process.environment.items() <= service["environment"].items(), name


def test_a_container_sees_the_approle_of_its_own_identity_alone(
    processes: Mapping[str, Process],
) -> None:
    for name, process in processes.items():
        identity = process.environment["VAULT_IDENTITY"]
        mounts = COMPOSE_FILE["services"][name]["volumes"]
        approles = [m for m in mounts if isinstance(m, dict) and m["source"] == "approle"]
        assert [mount["volume"]["subpath"] for mount in approles] == [f"{identity}.json"], name
        folder = COMPOSE_FILE["services"][name]["environment"]["APPROLE_DIR"]
        assert approles[0]["target"] == f"{folder}/{identity}.json"
        assert not any("approle:" in mount for mount in mounts if isinstance(mount, str)), name


def test_the_processes_of_compose_are_hardened_and_wait_for_the_set_up(
    processes: Mapping[str, Any],
) -> None:
    for name in processes:
        service = COMPOSE_FILE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["depends_on"] == {
            "prepare": {"condition": "service_completed_successfully"}
        }, name


def test_only_what_breaks_and_heals_gets_the_engines_socket_and_only_when_asked_for() -> None:
    with_socket = {
        name
        for name, service in COMPOSE_FILE["services"].items()
        if "docker.sock" in str(service.get("volumes"))
    }
    assert with_socket == BREAKERS & COMPOSE_FILE["services"].keys()
    for name in with_socket:
        service = COMPOSE_FILE["services"][name]
        assert service["profiles"] == ["chaos"], name
        assert service["build"]["target"] == "engines", name
        assert service["group_add"] == ["${DOCKER_GROUP:-65534}"], name
        folder = service["environment"]["PORTFOLIO_RUN_DIR"]
        assert f"chaos:{folder}/chaos" in service["volumes"], name


def test_only_the_unsealer_and_the_set_up_get_the_root_token() -> None:
    with_keys = {
        name
        for name, service in COMPOSE_FILE["services"].items()
        if "openbao-keys" in str(service.get("volumes"))
    }
    assert with_keys == {"unsealer", "prepare"}


def test_the_docker_driver_looks_for_the_project_that_the_file_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    assert compose_project() == COMPOSE_FILE["name"]


def test_only_the_site_is_published_and_only_on_this_machine() -> None:
    published = {
        name: service["ports"]
        for name, service in COMPOSE_FILE["services"].items()
        if "ports" in service
    }
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_the_set_up_finds_every_file_that_it_reads() -> None:
    source = Path(provisioning.__file__).read_text()
    read = set(re.findall(r'_secret_file\("([^"]+)"\)', source)) | {"postgres-superuser"}
    assert read == {"postgres-superuser", "broker", "redis", "openbao.json"}
    service = COMPOSE_FILE["services"]["prepare"]
    folder = f"{service['environment']['PORTFOLIO_RUN_DIR']}/secrets"
    mounts = [*service["secrets"], *(m for m in service["volumes"] if isinstance(m, dict))]
    assert {mount["target"] for mount in mounts} == {f"{folder}/{name}" for name in read}
