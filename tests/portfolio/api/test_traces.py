"""GET /api/v1/traces/{id}: the spans of a checkout that was asked for by the API."""

from __future__ import annotations

import pytest
import requests

from tests.cluster.cluster import Cluster
from tests.conditions import eventually

pytestmark = pytest.mark.platform


def test_a_checkouts_trace_is_told_hop_by_hop_and_as_otlp(
    platform_url: str, cluster: Cluster
) -> None:
    [saga] = cluster.start_checkouts(1)
    address = f"{platform_url}/api/v1/traces/{saga.hex}"

    def told() -> dict[str, object] | None:
        answer = requests.get(address, timeout=10)
        whole = answer.ok and answer.json()["whole"] and "checkout completed" in answer.text
        return answer.json() if whole else None

    trace = eventually(told)
    exported = requests.get(f"{address}/otlp", timeout=10).json()

    assert trace is not None
    assert {"message", "outbox", "broker", "handler"} <= trace["stages"][0].keys()  # type: ignore[index]
    assert len(exported["resourceSpans"]) > 5


def test_a_trace_that_is_not_kept_is_not_found_and_an_id_has_a_form(platform_url: str) -> None:
    assert requests.get(f"{platform_url}/api/v1/traces/{'0' * 32}", timeout=10).status_code == 404
    assert requests.get(f"{platform_url}/api/v1/traces/zz", timeout=10).status_code == 422
