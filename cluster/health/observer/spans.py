"""The platform's own OTLP receiver: `POST /v1/traces` in protobuf, as any collector's.

    GET /traces/{trace_id}   the spans of one trace, as JSON (span_store.py)

It runs in the observer, because that survives the web server, the broker and every database.
Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from cluster.health.observer.span_store import AttributeValue, KeptSpan, KeptTrace, SpanStore

logger = logging.getLogger(__name__)

PROTOBUF: Final = "application/x-protobuf"
LARGEST_EXPORT: Final = 8 * 1024**2  # bytes
LONGEST_TEXT: Final = 300  # characters of a name or a value
MOST_ATTRIBUTES: Final = 40
TRACE_ID: Final = re.compile("[0-9a-f]{32}")

T = TypeVar("T")


class SpanRoutes:
    """Receives and returns spans. The store has a thread of its own."""

    def __init__(self, store: SpanStore) -> None:
        self._store = store
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spans")

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/traces", self._post_traces)
        app.router.add_get("/traces/{trace_id}", self._get_trace)
        app.cleanup_ctx.append(self._close)

    async def _post_traces(self, request: web.Request) -> web.Response:
        if request.content_type != PROTOBUF:
            raise web.HTTPUnsupportedMediaType(text=f"Send spans as {PROTOBUF}.")
        body = await request.read()
        try:
            await self._run(lambda: self._store.keep([*decode(body)]))
        except DecodeError:
            raise web.HTTPBadRequest(text="That is not an ExportTraceServiceRequest.") from None
        except sqlite3.Error as error:
            logger.warning("spans cannot be kept: %s", error)
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"}) from None
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type=PROTOBUF)

    async def _get_trace(self, request: web.Request) -> web.Response:
        trace_id = request.match_info["trace_id"]
        if not TRACE_ID.fullmatch(trace_id):
            raise web.HTTPNotFound(text="A trace is named by 32 hexadecimal digits.")
        spans = await self._run(lambda: self._store.trace(trace_id))
        told = KeptTrace(trace_id=trace_id, spans=spans)
        return web.Response(body=msgspec.json.encode(told), content_type="application/json")

    async def _close(self, _: web.Application) -> AsyncIterator[None]:
        yield
        self._executor.submit(self._store.close)
        self._executor.shutdown(wait=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def decode(body: bytes) -> Iterator[KeptSpan]:
    """Yield the spans of an export request that have proper ids, or raise DecodeError."""
    request = ExportTraceServiceRequest.FromString(body)
    for of_resource in request.resource_spans:
        service = _attributes(of_resource.resource.attributes).get("service.name", "unknown")
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                if len(span.trace_id) != 16 or len(span.span_id) != 8:  # noqa: PLR2004 - bytes
                    continue
                yield KeptSpan(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex() or None,
                    name=span.name[:LONGEST_TEXT],
                    kind=span.kind,
                    service=str(service)[:LONGEST_TEXT],
                    start=span.start_time_unix_nano,
                    end=max(span.start_time_unix_nano, span.end_time_unix_nano),
                    error=(span.status.message or "error")[:LONGEST_TEXT]
                    if span.status.code == span.status.STATUS_CODE_ERROR
                    else "",
                    attributes=_attributes(span.attributes),
                )


def _attributes(pairs: Any) -> dict[str, AttributeValue]:
    """Return the attributes that have a plain value, without lists and maps."""
    found: dict[str, AttributeValue] = {}
    for pair in pairs[:MOST_ATTRIBUTES]:
        kind = pair.value.WhichOneof("value")
        if kind in ("string_value", "bool_value", "int_value", "double_value"):
            value = getattr(pair.value, kind)
            found[pair.key] = value[:LONGEST_TEXT] if isinstance(value, str) else value
    return found
