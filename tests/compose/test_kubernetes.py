"""The Kubernetes manifests agree with compose/processes.py on every process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from chaos.drivers.pods import POSTGRES, Place
from cluster.services import load
from compose.process import Process
from config.environment import DATABASES, SERVICES
from tests.compose.deployments import (
    KUBERNETES,
    addresses,
    common,
    container,
    deployed,
    manifests,
    of_kind,
    values,
)


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
        # What the web server may do in it is PostgreSQL's to say: it reads the views for pages.
        assert (asking["key"], asking["values"]) == ("identity", [name, "web", "operator"])
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
