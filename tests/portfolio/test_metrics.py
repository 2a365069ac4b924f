"""/metrics has the web server's metrics and the observer's, and all that the dashboard queries."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from cluster.health.observer.snapshot import Backups, Lease, Process, Sagas, ServiceState, Snapshot
from config.environment import ROOT
from portfolio.metrics.observed import ObservedMetrics, families
from portfolio.metrics.registry import REGISTRY
from tests.conditions import eventually
from tests.observed import snapshot

NAME = re.compile(r"\b(?:cluster|http_server)_[a-z_]+")
SUFFIXES = ("_total", "_count", "_sum", "_bucket")
PANELS = json.loads((ROOT / "compose/grafana/working-timetable.json").read_text())["panels"]

SEEN = snapshot(
    processes=[
        Process(
            name="worker-orders", kind="worker", service="orders", status="running",
            healthy=True, words="", restarts=2, consuming=True,
        ),
        Process(
            name="redis", kind="cache", service=None, status="unknown", healthy=None, words=""
        ),
    ],
    services=[
        ServiceState(
            name="orders", code="ORD", healthy=True, outbox=3, deduplicated=7, stalled_seconds=34.0,
            lease=Lease(role="r", remaining_seconds=41.5, sessions=1),
        )
    ],
    sagas=Sagas(running=1, compensating=0, completed=5, compensated=2),
    broker_alarm="low on memory",
    backups=Backups(age_seconds=90.0, archived_seconds=30.0, verified=False, troubles=["Old."]),
)  # fmt: skip


def told(seen: Snapshot | None) -> dict[str, dict[tuple[str, ...], float]]:
    registry = CollectorRegistry()
    registry.register(ObservedMetrics(lambda: seen))
    text = generate_latest(registry).decode()
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in parse_text(text)
    }


def test_what_the_observer_saw_is_told_by_service_process_and_state() -> None:
    metrics = told(SEEN)

    assert metrics["cluster_outbox_messages"] == {("orders",): 3}
    assert metrics["cluster_outbox_age_seconds"] == {("orders",): 0}
    assert metrics["cluster_deduplicated_messages"] == {("orders",): 7}
    assert metrics["cluster_lease_remaining_seconds"] == {("orders",): 41.5}
    assert metrics["cluster_sagas"][("compensated",)] == 2
    assert metrics["cluster_process_restarts"][("worker", "worker-orders")] == 2
    assert metrics["cluster_queue_stalled_seconds"] == {("orders",): 34.0}
    assert metrics["cluster_broker_alarm"] == {(): 1}
    assert metrics["cluster_backup_age_seconds"] == {(): 90}
    assert metrics["cluster_backup_archived_seconds"] == {(): 30}
    assert metrics["cluster_backup_verified"] == {(): 0}
    assert metrics["cluster_backup_troubles"] == {(): 1}
    assert metrics["cluster_process_consuming"] == {("worker", "worker-orders"): 1}


def test_what_could_not_be_had_has_no_sample() -> None:
    metrics = told(SEEN)

    assert metrics["cluster_queue_messages"] == {}
    assert ("cache", "redis") not in metrics["cluster_process_up"]
    assert told(None)["cluster_observed"] == {(): 0}
    assert told(None)["cluster_outbox_messages"] == {}
    assert told(None)["cluster_broker_alarm"] == {}
    assert told(None)["cluster_backup_age_seconds"] == {}


def test_every_metric_of_the_dashboard_exists() -> None:
    existing = {family.name for family in [*families(None), *REGISTRY.collect()]}

    queries = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
    assert queries
    for query in queries:
        for name in NAME.findall(query):
            stem = next((name.removesuffix(s) for s in SUFFIXES if name.endswith(s)), name)
            assert stem in existing or name in existing, query


def test_panels_have_ids_and_places_of_their_own() -> None:
    for taken in ([panel["id"] for panel in PANELS], [place(panel) for panel in PANELS]):
        assert len(taken) == len(set(taken))


def place(panel: dict[str, Any]) -> tuple[int, int]:
    return panel["gridPos"]["x"], panel["gridPos"]["y"]


@pytest.mark.platform
def test_the_site_tells_metrics_in_both_formats_under_bounded_names(platform_url: str) -> None:
    for path in ("/healthz", "/nothing-here", "/sagas/00000000-0000-0000-0000-000000000000/"):
        requests.get(f"{platform_url}{path}", timeout=10)

    def scrape() -> str:
        return requests.get(f"{platform_url}/metrics", timeout=10).text

    eventually(
        lambda: 'cluster_process_consuming{kind="worker",process="worker-site"} 1.0' in scrape()
    )
    answer = requests.get(
        f"{platform_url}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=10
    )

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    counted = {
        (sample.labels["http_route"], sample.labels["http_response_status_code"])
        for family in parse_openmetrics(answer.text)
        if family.name == "http_server_request_duration_seconds"
        for sample in family.samples
    }
    assert {
        ("/healthz", "200"),
        ("(no route)", "404"),
        ("/sagas/<uuid:saga_id>/", "404"),
    } <= counted
