"""/traces/<trace_id>/: one trace as a waterfall, as tables, and as OTLP."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from cluster.health.observer.span_store import KeptTrace
from cluster.kit.problems import problem
from cluster.storefront.headcode import headcode
from portfolio.traces.otlp import export
from portfolio.traces.queries import TRACE_ID, TracesAway, read_trace
from portfolio.traces.tree import Tree
from portfolio.traces.waterfall import draw

AWAY: Final = "The observer, which keeps the spans, is away. Try again in a moment."
CONVERSATION: Final = "messaging.message.conversation_id"


@require_safe
def trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    """Show the trace with the spans that have arrived."""
    found = _found(request, trace_id)
    if isinstance(found, HttpResponse):
        return found
    tree = Tree(found.spans)
    rows = tree.rows()
    saga = _saga(found)
    context = {
        "trace_id": trace_id,
        "saga_id": saga,
        "headcode": headcode(saga) if saga else "",
        # waterfall.py builds it from numbers and escaped words alone.
        "waterfall": mark_safe(draw(rows, start=tree.start, end=tree.end)),  # noqa: S308
        "messages": [row for row in rows if row.is_message],
        "spans": [
            (span, depth, (span.start - tree.start) / 1_000_000)
            for span, depth in tree.depth_first()
        ],
        "milliseconds": (tree.end - tree.start) / 1_000_000,
        "began": datetime.fromtimestamp(tree.start / 1_000_000_000, UTC),
        "services": sorted({span.service for span in found.spans}),
        "adrift": sum(row.adrift for row in rows),
    }
    return render(request, "portfolio/traces/trace.html", context)


@require_safe
def otlp(request: HttpRequest, trace_id: str) -> HttpResponse:
    """Return the trace as an OTLP file that any collector accepts."""
    found = _found(request, trace_id)
    if isinstance(found, HttpResponse):
        return found
    disposition = f'attachment; filename="trace-{trace_id}.json"'
    return JsonResponse(export(found), headers={"Content-Disposition": disposition})


def _found(request: HttpRequest, trace_id: str) -> KeptTrace | HttpResponse:
    if not TRACE_ID.fullmatch(trace_id):
        raise Http404
    try:
        found = read_trace(trace_id)
    except TracesAway:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, retry_after=2)
    if found is None:
        return problem(
            request,
            HTTPStatus.NOT_FOUND,
            "No span of this trace is kept: it was not sampled, is older than a day, "
            "or has not arrived yet.",
        )
    return found


def _saga(found: KeptTrace) -> UUID | None:
    """Return the id of the first saga that a span of the trace names, or None."""
    for span in found.spans:
        value = span.attributes.get(CONVERSATION)
        if isinstance(value, str):
            try:
                return UUID(value)
            except ValueError:
                continue
    return None
