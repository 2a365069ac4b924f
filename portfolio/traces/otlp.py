"""A trace as OTLP in JSON, which any collector or viewer reads.

Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

from typing import Any, Final

from cluster.health.observer.span_store import AttributeValue, KeptSpan, KeptTrace

SCOPE: Final = {"name": "cluster.tracing"}
STATUS_ERROR: Final = 2


def export(trace: KeptTrace) -> dict[str, Any]:
    """Return the body of an ExportTraceServiceRequest, for `POST` to a collector's /v1/traces."""
    by_service: dict[str, list[KeptSpan]] = {}
    for span in trace.spans:
        by_service.setdefault(span.service, []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": service})},
                "scopeSpans": [{"scope": SCOPE, "spans": [_span(span) for span in spans]}],
            }
            for service, spans in sorted(by_service.items())
        ]
    }


def _span(span: KeptSpan) -> dict[str, Any]:
    told: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": span.kind,
        # 64-bit integers are strings in protobuf's JSON.
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes),
    }
    if span.parent_id is not None:
        told["parentSpanId"] = span.parent_id
    if span.error:
        told["status"] = {"code": STATUS_ERROR, "message": span.error}
    return told


def _attributes(values: dict[str, AttributeValue]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in sorted(values.items())]


def _value(value: AttributeValue) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
    return {"stringValue": value}
