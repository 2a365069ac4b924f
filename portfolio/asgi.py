"""The ASGI application: pages, static files, and the event stream."""

from __future__ import annotations

from typing import Any, cast

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from config import environment

environment.name_settings()
pages = get_asgi_application()

# These modules import models, which need the line above.
from cluster.health.observer.client import latest  # noqa: E402
from cluster.health.observer.consumer import ObservationsConsumer  # noqa: E402
from cluster.kit.page_memory import PageFront  # noqa: E402
from cluster.kit.source.tree import snapshot  # noqa: E402
from cluster.storefront.stream.consumer import StreamConsumer  # noqa: E402
from config.revision import running_revision  # noqa: E402
from config.static_files import Send, StaticFiles  # noqa: E402
from portfolio.edge.websocket_limit import LimitedWebSockets  # noqa: E402
from portfolio.metrics.registry import MeasuredRequests  # noqa: E402

# Read the source while the disk still has the revision that runs: /source/ shows this copy.
snapshot()
running_revision()
# Start to follow the observer, so that the first request finds its snapshot in memory.
latest()


async def refuse(_scope: Any, _receive: Any, send: Send) -> None:
    """Refuse a WebSocket whose path no consumer serves: the handshake is answered with 403."""
    await send({"type": "websocket.close"})


websockets: list[Any] = [
    path("stream/", StreamConsumer.as_asgi()),
    path("observations/", ObservationsConsumer.as_asgi()),
]
websockets.append(re_path("", cast("Any", refuse)))

application = ProtocolTypeRouter(
    {
        "http": MeasuredRequests(StaticFiles(PageFront(pages), prefix="/static/")),
        "websocket": LimitedWebSockets(URLRouter(websockets)),
    }
)
