"""What the observer publishes, and the spans that it keeps."""

from __future__ import annotations

from typing import Any

from cluster.health.observer.snapshot import Snapshot
from cluster.health.observer.span_store import KeptSpan


def snapshot(**changes: Any) -> Snapshot:
    """Return a snapshot of a steady cluster of which nothing is known, with these changes."""
    usual: dict[str, Any] = {
        "at": "2026-11-22T10:00:00.000+00:00",
        "state": "steady",
        "words": "",
        "troubles": [],
        "processes": [],
        "services": [],
        "links": [],
        "outages": [],
    }
    return Snapshot(**{**usual, **changes})


def kept_span(span_id: str, **changes: Any) -> KeptSpan:
    """Return a span of the web server as the observer keeps it, with these changes."""
    usual: dict[str, Any] = {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": span_id,
        "parent_id": None,
        "name": "deed",
        "kind": 1,
        "service": "web",
        "start": 0,
        "end": 0,
    }
    return KeptSpan(**{**usual, **changes})
