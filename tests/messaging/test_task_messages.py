"""Only messages as the cluster's clock sends them reach Celery."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.messaging.task_messages import fault_of
from cluster.messaging.tolerant_decoding import UNREADABLE, UnreadableProperties

KNOWN = {"orders.sweep"}
BODY = json.dumps([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
HEADERS = {
    "task": "orders.sweep",
    "id": "6f0c",
    "retries": 0,
    "timelimit": [None, None],
    "expires": "2026-11-30T05:00:00+00:00",
    "eta": None,
}


def fault(body: str = BODY, *, headers: dict[str, Any] | None = None, **changes: Any) -> str | None:
    properties = {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "application_headers": HEADERS | (headers or {}),
        **changes,
    }
    return fault_of(body.encode(), properties, KNOWN)


def test_an_order_of_the_clock_is_taken() -> None:
    assert fault() is None


@pytest.mark.parametrize(
    "headers",
    [
        {"task": None},
        {"task": []},
        {"task": {"a": 1}},
        {"task": "celery.backend_cleanup"},
        {"id": None},
        {"id": 5},
        {"id": "x" * 256},
        {"eta": "2026-11-30T05:00:00+00:00"},
        {"expires": "9999-12-31T23:59:59.999999-05:00"},
        {"expires": "2026-11-30T05:00:00"},
        {"expires": "soon"},
        {"expires": 5},
        {"retries": 1},
        {"timelimit": [1, 1]},
        {"compression": "application/x-gzip"},
        {"group": "6f0c"},
    ],
    ids=str,
)
def test_strange_headers_are_a_fault(headers: dict[str, Any]) -> None:
    assert fault(headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "[[], {}]",
        "[[1], {}, {}]",
        '[[], {"a": 1}, {}]',
        '[[], {}, {"chain": [{"task": "orders.sweep"}]}]',
        "[[], {}, []]",
        "[" * 100_000,
        "9" * 5_000,
    ],
    ids=lambda body: body[:20],
)
def test_strange_bodies_are_a_fault(body: str) -> None:
    assert fault(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": "application/x-python-serialize"},
        {"content_type": None},
        {"content_encoding": "utf-7"},
        {"application_headers": None},
        {UNREADABLE: UnreadableProperties(b"", "ValueError")},
    ],
    ids=str,
)
def test_strange_properties_are_a_fault(changes: dict[str, Any]) -> None:
    assert fault(**changes)
