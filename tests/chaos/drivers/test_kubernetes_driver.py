"""The Kubernetes driver calls the API through the real client, as the contract says.

No Kubernetes cluster runs here. contracts/kubernetes-1.37.json names the source of its shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.drivers.driver import DriverError, choose_driver
from chaos.drivers.kubernetes import KubernetesDriver
from tests.chaos.drivers.contract_server import ContractServer, playing

NAMESPACE = "working-timetable"
DATABASE = "cnpg.io/cluster=postgres-orders,cnpg.io/podRole=instance"
SUCCESS = {"metadata": {}, "status": "Success"}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[ContractServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("KUBERNETES_NAMESPACE", raising=False)
    with playing("kubernetes-1.37.json") as served:
        yield served


@pytest.fixture
def driver(cluster: ContractServer, tmp_path: Path) -> KubernetesDriver:
    file = tmp_path / "kubeconfig"
    here = {"cluster": "here", "user": "runner"}
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": here}],
                "clusters": [
                    {"name": "here", "cluster": {"server": f"http://127.0.0.1:{cluster.port}"}}
                ],
                "users": [{"name": "runner", "user": {}}],
            }
        )
    )
    return KubernetesDriver(kubeconfig=file)


def pod(name: str, *, shared: bool = False, waits: str = "", **labels: str) -> dict[str, Any]:
    """Return one item of a PodList."""
    state: dict[str, Any] = {"waiting": {"reason": waits}} if waits else {"running": {}}
    container = {"name": "platform", "image": "working-timetable"}
    status = {
        **container,
        "imageID": "",
        "ready": not waits,
        "restartCount": 0,
        "state": state,
    }
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [container], "shareProcessNamespace": shared},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def expect_list(cluster: ContractServer, selector: str, *found: dict[str, Any]) -> None:
    cluster.expect(
        "listCoreV1NamespacedPod",
        path={"namespace": NAMESPACE},
        query={"labelSelector": selector} if selector else {},
        answer={"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(found)},
    )


def expect_command(
    cluster: ContractServer,
    name: str,
    container: str,
    command: list[str] | None,
    *channels: tuple[int, Any],
    cut: bool = False,
) -> None:
    query: dict[str, Any] = {"container": container, "stdin": "false", "tty": "false"}
    if command:
        query["command"] = command
    cluster.expect(
        "connectCoreV1GetNamespacedPodExec",
        path={"namespace": NAMESPACE, "name": name},
        query=query,
        answer={"protocol": "v4.channel.k8s.io", "channels": list(channels), "cut": cut},
    )


def signal(number: str) -> list[str]:
    return ["sh", "-c", f"echo sending; kill -{number} -1"]


def exit_code(code: int) -> dict[str, Any]:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": causes},
    }


def test_the_settings_choose_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAOS_DRIVER", "kubernetes")
        assert isinstance(choose_driver(), KubernetesDriver)


def test_outside_a_cluster_nothing_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DriverError, match=r"Kubernetes: .*not set"):
        KubernetesDriver().kill("web")


def test_processes_are_named_by_the_labels_of_their_pods(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    database = pod("postgres-orders-1")
    database["metadata"]["labels"] = {
        "cnpg.io/cluster": "postgres-orders",
        "cnpg.io/podRole": "instance",
    }
    broker = pod("rabbitmq-server-0")
    broker["metadata"]["labels"] = {"app.kubernetes.io/name": "rabbitmq"}
    leaving = pod("old-beat", app="beat")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    errand = pod("prepare-x", app="prepare")
    expect_list(cluster, "", pod("web-a", app="web"), database, broker, leaving, errand)
    assert driver.processes() == ["postgres-orders", "rabbitmq", "web"]


def test_a_kill_is_sigkill_from_inside_to_every_pod_of_the_process(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(
        cluster, "app=worker-orders", pod("orders-a", shared=True), pod("orders-b", shared=True)
    )
    # The shell that sends the signal may die with its container: the session is cut, or the shell
    # is ended by the same signal.
    expect_command(cluster, "orders-a", "platform", signal("KILL"), (1, "sending\n"), cut=True)
    ended = (3, exit_code(137))
    expect_command(cluster, "orders-b", "platform", signal("KILL"), (1, "sending\n"), ended)
    assert driver.kill("worker-orders") == "SIGKILL to worker-orders (pods orders-a, orders-b)"


def test_where_no_signal_gets_in_a_killed_pod_is_deleted_without_grace(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app.kubernetes.io/name=rabbitmq", pod("rabbitmq-server-0"))
    cluster.expect(
        "deleteCoreV1NamespacedPod",
        path={"namespace": NAMESPACE, "name": "rabbitmq-server-0"},
        query={"gracePeriodSeconds": "0"},
    )
    assert driver.kill("rabbitmq").endswith("was deleted without a grace period")


def test_a_process_is_paused_and_resumed_by_signals_where_it_is_not_pid_1(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    for number in ("STOP", "CONT"):
        expect_list(cluster, "app=web", pod("web-a", shared=True))
        expect_command(cluster, "web-a", "platform", signal(number), (1, "sending\n"), (3, SUCCESS))
    assert driver.pause("web") == "SIGSTOP to web (pod web-a)"
    assert driver.resume("web") == "SIGCONT to web (pod web-a)"


def test_a_pause_that_the_kernel_would_ignore_is_refused(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app=web", pod("web-a"))
    with pytest.raises(DriverError, match=r"it is PID 1 of pod web-a.*shareProcessNamespace"):
        driver.pause("web")


def test_what_cannot_be_paused_or_is_not_there_is_not_paused(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app=web", pod("web-a"))
    expect_list(cluster, "app=unsealer")
    assert driver.resume("web") == "web was not paused"
    assert driver.resume("unsealer") == "unsealer was not paused"


def test_a_restart_deletes_pods_with_the_grace_of_their_own(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app=beat", pod("beat-a"))
    cluster.expect("deleteCoreV1NamespacedPod", path={"namespace": NAMESPACE, "name": "beat-a"})
    assert driver.restart("beat") == "beat (pod beat-a) was deleted, and is made anew"


def test_a_pod_that_waits_after_crashes_is_replaced_and_a_running_one_left_alone(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app=beat", pod("beat-a", waits="CrashLoopBackOff"))
    cluster.expect("deleteCoreV1NamespacedPod", path={"namespace": NAMESPACE, "name": "beat-a"})
    expect_list(cluster, "app=beat", pod("beat-b"))
    assert driver.ensure_running("beat").endswith("is made anew")
    assert driver.ensure_running("beat") == "Kubernetes looks after beat"


def test_sql_is_run_by_psql_beside_the_primary(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, f"{DATABASE},cnpg.io/instanceRole=primary", pod("postgres-orders-2"))
    rows = "x" * 300 + "\x1f\x1d\n"  # longer than the shortest kind of frame
    said = ((1, "\x1c\n"), (2, "NOTICE: beside\n"), (1, rows), (3, SUCCESS))
    expect_command(cluster, "postgres-orders-2", "postgres", None, *said)
    assert driver.sql("orders", ["SELECT 1"]) == [("x" * 300, None)]


def test_a_database_without_a_primary_says_so(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, f"{DATABASE},cnpg.io/instanceRole=primary")
    with pytest.raises(DriverError, match="postgres-orders has no primary"):
        driver.sql("orders", ["SELECT 1"])


def test_every_node_of_the_broker_is_told(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    nodes = [pod(f"rabbitmq-server-{number}") for number in range(2)]
    expect_list(cluster, "app.kubernetes.io/name=rabbitmq", *nodes)
    for node in nodes:
        name = node["metadata"]["name"]
        command = ["rabbitmqctl", "--quiet", "status"]
        expect_command(cluster, name, "rabbitmq", command, (1, f"{name}\n"), (3, SUCCESS))
    assert driver.broker("status") == "rabbitmq-server-0\nrabbitmq-server-1\n"


def test_a_command_that_fails_is_told_with_its_last_words(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app.kubernetes.io/name=rabbitmq", pod("rabbitmq-server-0"))
    failed = ((2, "Error:\nno such"), (3, exit_code(64)))
    expect_command(cluster, "rabbitmq-server-0", "rabbitmq", None, *failed)
    with pytest.raises(DriverError, match="rabbitmqctl in rabbitmq-server-0: Error: no such"):
        driver.broker("status")


def test_a_session_that_is_cut_off_has_not_succeeded(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    expect_list(cluster, "app.kubernetes.io/name=rabbitmq", pod("rabbitmq-server-0"))
    expect_command(cluster, "rabbitmq-server-0", "rabbitmq", None, (1, "half an"), cut=True)
    with pytest.raises(DriverError, match="the session was cut off"):
        driver.broker("status")


@pytest.mark.parametrize("act", ["kill", "pause", "restart", "ensure_running"])
def test_a_name_without_pods_is_no_process(
    cluster: ContractServer, driver: KubernetesDriver, act: str
) -> None:
    expect_list(cluster, "app=init")
    with pytest.raises(DriverError, match="no process 'init'"):
        getattr(driver, act)("init")


def test_what_the_service_account_may_not_do_is_told_in_the_apis_words(
    cluster: ContractServer, driver: KubernetesDriver
) -> None:
    cluster.expect("listCoreV1NamespacedPod", path={"namespace": NAMESPACE}, status=403)
    expect_list(cluster, "app=web", pod("web-0", shared=True))
    cluster.expect(
        "connectCoreV1GetNamespacedPodExec",
        path={"namespace": NAMESPACE, "name": "web-0"},
        status=403,
    )
    for _ in range(2):
        with pytest.raises(DriverError, match=r"Kubernetes: .*pods.*forbidden"):
            driver.kill("web")
