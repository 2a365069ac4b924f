"""Traces: the spans of a saga, hop by hop, and as OTLP."""
# ruff: noqa: ARG001  # an operation takes the request first

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Schema
from pydantic import Field

from cluster.health.observer.span_store import KeptTrace
from portfolio.api.describe import told
from portfolio.api.problems import Problem, away
from portfolio.api.schemas import filled
from portfolio.traces import otlp
from portfolio.traces.queries import TracesAway, read_trace
from portfolio.traces.tree import Row, Tree

router = Router(tags=["Traces"])

TraceId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="The saga's id without its hyphens, unless a caller's traceparent named one.",
        examples=["0199b0c4d2a07c1e9f3a5d6e7f809112"],
    ),
]
STAGES: Final = ("outbox", "broker", "handler", "journalled")  # as a row has them
KINDS: Final = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


class Span(Schema):
    """One operation of one process, exported after commit."""

    span_id: str
    parent_id: str | None = Field(None, description="Of the span above it; none at the root.")
    name: str
    kind: str = Field(examples=["producer"])
    process: str = Field(examples=["worker-orders"])
    start: datetime
    milliseconds: float
    error: str = Field("", description="Empty unless it failed.")
    attributes: dict[str, str | int | float | bool]


class Stages(Schema):
    """The milliseconds that a message spent in each stage."""

    message: str = Field(examples=["reserve stock"])
    sender: str = Field(examples=["CHK"])
    receivers: str = Field(examples=["CAT"])
    outbox: float | None = Field(None, description="From its row to the broker's confirm.")
    broker: float | None = Field(None, description="None: it was received before the confirm.")
    handler: float | None = Field(None, description="From its receipt to the commit.")
    journalled: float | None = Field(None, description="From its row to the journal's commit.")


class Trace(Schema):
    """All spans of a trace that the observer has received so far."""

    trace_id: str
    milliseconds: float
    whole: bool = Field(description="Whether it is one tree: every span's parent has come.")
    stages: list[Stages]
    spans: list[Span] = Field(description="Parents before children.")


@router.get(
    "/traces/{trace_id}",
    response=Trace,
    summary="The spans of a trace",
    openapi_extra=told(personal=False, errors=(404,)),
)
def get_trace(request: HttpRequest, response: HttpResponse, trace_id: TraceId) -> Trace:
    """Return the spans of a trace: the HTTP request, each outbox, the broker and each inbox."""
    response.headers["Cache-Control"] = "no-store"  # more spans may come
    found = _read(trace_id)
    tree = Tree(found.spans)
    return Trace(
        trace_id=trace_id,
        milliseconds=(tree.end - tree.start) / 1_000_000,
        # Above the first root there may be the caller's own span, which is not sent here.
        whole=len(tree.roots) == 1,
        stages=[_stages(row) for row in tree.rows() if row.is_message],
        spans=[
            filled(
                Span,
                span,
                kind=KINDS.get(span.kind, "unspecified"),
                process=span.service,
                start=datetime.fromtimestamp(span.start / 1_000_000_000, UTC),
            )
            for span, _ in tree.depth_first()
        ],
    )


@router.get(
    "/traces/{trace_id}/otlp",
    response=dict[str, Any],
    summary="A trace as OTLP",
    openapi_extra=told(personal=False, errors=(404,)),
)
def export_trace(request: HttpRequest, response: HttpResponse, trace_id: TraceId) -> dict[str, Any]:
    """Return the JSON body of an OTLP request, to be sent to a collector's `/v1/traces`."""
    response.headers["Cache-Control"] = "no-store"
    return otlp.export(_read(trace_id))


def _read(trace_id: str) -> KeptTrace:
    try:
        found = read_trace(trace_id)
    except TracesAway:
        raise away("The observer, which keeps the spans, is away.") from None
    if found is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "No span of this trace is kept: it was not sampled, is older than a day, or has not "
            "arrived yet.",
        )
    return found


def _stages(row: Row) -> Stages:
    times = dict(zip(STAGES, row.stages, strict=True))
    return Stages(message=row.label, sender=row.code, receivers=row.receivers, **times)
