"""OpenTelemetry's SDK: makes spans of recorded ones, and sends them by OTLP over HTTP.

Always to the observer, this platform's own receiver, and to OTEL_EXPORTER_OTLP_ENDPOINT as well
when that is set, with the SDK's other standard variables. Imported by the recorder's thread only.
"""

from __future__ import annotations

import logging
import os
from typing import Final

import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from cluster.tracing.recorder import Kind, Span
from config import environment

EVERY: Final = 500  # milliseconds; short, since visitors open a trace right after a checkout
PATIENCE: Final = 2.0  # seconds for one request and its repetitions
TOGETHER: Final = 512  # spans in one request
MOST_WAITING: Final = 4_096  # spans; further ones are lost

NAMESPACE: Final = "working-timetable"
KINDS: Final = {kind: SpanKind(int(kind)) for kind in Kind}


class _GivenIds(IdGenerator):
    """The ids of the next span, which follow from the message and are not random."""

    trace_id = 0
    span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id

    def generate_trace_id(self) -> int:
        return self.trace_id


class _AtTheEnd(SpanProcessor):
    """Keeps spans until it is flushed."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def force_flush(self, timeout_millis: int = 0) -> bool:  # noqa: ARG002 - the SDK's signature
        self._exporter.export(self._spans)
        return True


class Exporters:
    """The provider with its processors, for one thread.

    With `in_batches` each receiver is served by a thread of its own. Otherwise all spans are sent
    at the end.
    """

    def __init__(self, *, in_batches: bool = True) -> None:
        # It logs every failed request, which is one a second while the receiver is away.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._ids = _GivenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # the recorder's callers have checked the flag of the trace
            resource=_resource(),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        for exporter in _exporters():
            self._provider.add_span_processor(
                BatchSpanProcessor(
                    exporter,
                    max_queue_size=MOST_WAITING,
                    schedule_delay_millis=EVERY,
                    max_export_batch_size=TOGETHER,
                )
                if in_batches
                else _AtTheEnd(exporter)
            )
        self._tracer = self._provider.get_tracer("cluster.tracing")

    def export(self, span: Span) -> None:
        """Make a span of the SDK, which its processors send.

        Raises ValueError for bad ids.
        """
        self._ids.trace_id, self._ids.span_id = int(span.trace_id, 16), int(span.span_id, 16)
        context = trace.set_span_in_context(trace.INVALID_SPAN)
        if span.parent_id is not None:
            parent = SpanContext(
                trace_id=self._ids.trace_id,
                span_id=int(span.parent_id, 16),
                is_remote=True,
                trace_flags=TraceFlags(TraceFlags.SAMPLED),
            )
            context = trace.set_span_in_context(NonRecordingSpan(parent))
        made = self._tracer.start_span(
            span.name,
            context,
            kind=KINDS[span.kind],
            attributes=span.attributes,
            start_time=span.start,
        )
        if span.error:
            made.set_status(Status(StatusCode.ERROR, span.error))
        made.end(span.end)

    def close(self) -> None:
        """Send the spans that wait, once."""
        self._provider.force_flush()


def _exporters() -> list[OTLPSpanExporter]:
    # No proxy of the environment may come between two processes of one platform.
    session = requests.Session()
    session.trust_env = False
    found = []
    try:
        own = f"{environment.observer_url().rstrip('/')}/v1/traces"
        found.append(OTLPSpanExporter(endpoint=own, timeout=PATIENCE, session=session))
    except environment.MissingSetting:
        pass  # no receiver is set: a test, or a tool
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    ):
        found.append(OTLPSpanExporter())
    return found


def _resource() -> Resource:
    name = environment.setting("PROCESS_NAME", environment.vault_identity())
    own = Resource(
        {
            "service.namespace": NAMESPACE,
            "service.name": name,
            "service.instance.id": f"{name}-{os.getpid()}",
            "process.pid": os.getpid(),
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
        }
    )
    # OTEL_RESOURCE_ATTRIBUTES. Not Resource.create, which asks further detectors in threads.
    return own.merge(OTELResourceDetector().detect())
