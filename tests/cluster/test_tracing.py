"""The spans of one checkout form one tree, from its acceptance to its end, with every hop."""

from __future__ import annotations

import secrets
import urllib.request
from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest
import requests

from cluster.health.observer.span_store import KeptSpan, KeptTrace
from cluster.operations.plan import Wanted
from cluster.services import load_all
from cluster.tracing.context import SpanContext, derived, read
from config import environment
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.portfolio.admin_visit import JSON, Visit

pytestmark = pytest.mark.platform

JOURNALLED = "SELECT type, envelope->>'traceparent' FROM journal WHERE correlation = %s"


def expected(cluster: Cluster, saga: UUID) -> set[str]:
    """Return the ids of the spans that the messages in the saga's journal must have left."""
    services = load_all()
    spans: set[str] = set()
    for type_, traceparent in cluster.rows("site", JOURNALLED, saga):
        sent = read(traceparent)
        assert sent is not None
        assert sent.sampled
        spans |= {sent.span_id, derived(sent.span_id, "published"), derived(sent.span_id, "site")}
        spans |= {derived(sent.span_id, s.name) for s in services if type_ in s.consumes()}
    return spans


def spans_of(trace_id: str) -> list[KeptSpan]:
    address = f"{environment.observer_url()}/traces/{trace_id}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        return msgspec.json.decode(answer.read(), type=KeptTrace).spans


def missing(cluster: Cluster, saga: UUID, trace_id: str | None = None) -> set[str]:
    return expected(cluster, saga) - {span.span_id for span in spans_of(trace_id or saga.hex)}


def roots(spans: Sequence[KeptSpan]) -> list[str]:
    """Return the names of the spans whose parent is not in the trace."""
    known = {span.span_id for span in spans}
    return [span.name for span in spans if span.parent_id not in known]


def test_so_many_checkouts_leave_so_many_whole_trees(cluster: Cluster, in_full: bool) -> None:
    count = 100 if in_full else 30
    sagas = cluster.start_checkouts(count)
    assert cluster.await_ended(sagas) == {"completed": count}

    incomplete = set(sagas)

    def all_whole() -> bool:
        incomplete.difference_update(whole(cluster, incomplete))
        return not incomplete

    eventually(all_whole)

    trees = {saga: spans_of(saga.hex) for saga in sagas}
    assert {tuple(roots(spans)) for spans in trees.values()} == {("start checkout",)}
    names = {span.name for span in trees[sagas[0]]}
    assert {"ask provider to capture", "provider captured", "webhook captured"} <= names


def whole(cluster: Cluster, sagas: set[UUID]) -> list[UUID]:
    return [
        saga for saga in sagas if not missing(cluster, saga) and len(roots(spans_of(saga.hex))) == 1
    ]


def test_a_missed_deadline_is_in_the_tree_of_the_checkout_that_missed_it(cluster: Cluster) -> None:
    [saga] = cluster.start_checkouts(1, Wanted.PROVIDER_SILENT)
    cluster.await_ended([saga])

    eventually(lambda: whole(cluster, {saga}))


def test_a_request_joins_the_trace_that_its_caller_brought(
    cluster: Cluster, platform_url: str
) -> None:
    caller = SpanContext(secrets.token_hex(16), secrets.token_hex(8), sampled=True)
    [(sku,)] = cluster.rows("site", "SELECT sku FROM product WHERE restocked LIMIT 1")
    answer = Visit(platform_url).post(
        "/checkouts/",
        {"sku": sku, "outcome": "provider-silent", "quantity": 1},
        form="/events/",
        headers={**JSON, "traceparent": caller.traceparent},
    )
    saga = UUID(answer.json()["id"])
    cluster.await_ended([saga])

    eventually(lambda: not missing(cluster, saga, caller.trace_id))
    spans = spans_of(caller.trace_id)
    [server] = [span for span in spans if span.parent_id == caller.span_id]
    assert server.name == "POST /checkouts/"
    assert roots(spans) == ["POST /checkouts/"]


def test_the_saga_leads_to_its_waterfall_and_that_to_an_export(
    cluster: Cluster, platform_url: str
) -> None:
    [saga] = cluster.start_checkouts(1)
    cluster.await_ended([saga])
    eventually(lambda: whole(cluster, {saga}))

    assert (
        f'href="/traces/{saga.hex}/"'
        in requests.get(f"{platform_url}/sagas/{saga}/", timeout=10).text
    )
    page = requests.get(f"{platform_url}/traces/{saga.hex}/", timeout=10)
    exported = requests.get(f"{platform_url}/traces/{saga.hex}/otlp.json", timeout=10).json()

    assert page.status_code == 200
    assert "has not arrived" not in page.text
    assert '<rect class="handler"' in page.text
    spans = [
        span
        for resource in exported["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert len(spans) == len(spans_of(saga.hex))
    assert requests.get(f"{platform_url}/traces/{'0' * 32}/", timeout=10).status_code == 404
