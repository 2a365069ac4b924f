"""The overlay that lets experiments break pods allows that, and nothing more."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from config.environment import kubernetes_namespace
from tests.compose.deployments import (
    BREAKERS,
    CHAOS,
    KUBERNETES,
    common,
    deployed,
    of_kind,
    read,
)


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
    assert "openbao-root" not in str(patch), "the runner seals with a policy of its own"
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
