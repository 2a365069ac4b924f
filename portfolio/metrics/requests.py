"""The measurement of every HTTP request, those that are answered from memory included."""

from __future__ import annotations

import time
from typing import Any, Final

from prometheus_client import Histogram

from config.static_files import Application, Receive, Scope, Send
from portfolio.metrics.registry import REQUESTS

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
