"""A web server with the site's bounds of connections, fewer of them, and the limit of bodies.

python serve.py PORT ARRIVES_WITHIN MOST MOST_OF_ADDRESS
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from daphne.server import Server

from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from config import environment

environment.name_settings()

from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from portfolio.edge import connections  # noqa: E402
from portfolio.edge.draining import Draining  # noqa: E402


@csrf_exempt
def echo(request: HttpRequest, **_: Any) -> JsonResponse:
    """Answer with the size of the body, and with the prefix that links would have."""
    return JsonResponse({"bytes": len(request.body), "prefix": request.META["SCRIPT_NAME"]})


urlpatterns = [path("echo/", echo), path("api/v1/echo", echo), path("admin/echo/", echo)]
handler400 = "portfolio.edge.errors.bad_request"


def main(port: str, arrives_within: str, most: str, share: str) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["portfolio.edge.body_limit.BodyLimitMiddleware"]
    connections.ARRIVES_WITHIN = float(arrives_within)  # type: ignore[misc]
    server = Server(get_asgi_application(), endpoints=[f"tcp:port={port}:interface=127.0.0.1"])
    limiter = ConcurrencyLimiter(int(most), int(share))

    def bound() -> None:
        server.http_factory.protocol = partial(connections.BoundedChannel, limiter, Draining())

    server.ready_callable = bound
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
