"""The metrics of the web server, and the registry that /metrics exposes.

Names and labels follow OpenTelemetry's conventions for HTTP servers, in Prometheus' spelling. No
label takes its values from visitors: routes are templates, methods and statuses are few.
"""

from __future__ import annotations

import time
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from config.static_files import Application, Receive, Scope, Send

# From a page in memory (under a millisecond) to more than a visitor waits.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REGISTRY: Final = CollectorRegistry(auto_describe=True)

REQUESTS: Final = Histogram(
    "http_server_request_duration_seconds",
    "Time from a request to the end of its answer; its count is the number of requests.",
    ("http_request_method", "http_route", "http_response_status_code"),
    buckets=BUCKETS,
    registry=REGISTRY,
)

PRODUCT_CACHE: Final = Counter(
    "site_product_cache",
    "How reads of products were served: from a copy, computed, after another's, past Redis.",
    ("kind", "served"),
    registry=REGISTRY,
)

ProcessCollector(registry=REGISTRY)

METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}
)
OTHER: Final = "_OTHER"  # the conventions' name for an unknown method
STATIC: Final = "/static/"
# Answered before Django has looked for a route.
FROM_MEMORY: Final = "(page in memory)"
UNROUTED: Final = "(no route)"
ROUTE: Final = "metrics_route"  # in the scope; portfolio/edge/tracing.py leaves it there

_children: Final[dict[tuple[str, str, int], Histogram]] = {}


class MeasuredRequests:
    """The ASGI application around all others."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 500  # when the application fails before it answers

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope, receive, noting)
        finally:
            _child(scope, status).observe(time.perf_counter() - began)


def _child(scope: Scope, status: int) -> Histogram:
    method = scope["method"] if scope["method"] in METHODS else OTHER
    route = scope.get(ROUTE)
    if route is None:
        route = STATIC if scope["path"].startswith(STATIC) else FROM_MEMORY
    key = (method, route, status)
    child = _children.get(key)
    if child is None:
        child = _children[key] = REQUESTS.labels(method, route, str(status))
    return child
