"""A web server that takes a socket over and drains, with an application that waits for a file.

python serve_and_drain.py RELEASE-FILE NAME
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from config import environment
from config.waiting import wait_until

environment.name_settings()

from portfolio.edge.connections import BoundedChannel  # noqa: E402
from portfolio.edge.public_server import PublicServer  # noqa: E402


async def application(scope: Any, receive: Any, send: Any, *, release: Path, name: str) -> None:
    """Answer with the server's name, at /slow/ once the file is there, and accept WebSockets."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["path"] == "/slow/":
        await asyncio.to_thread(wait_until, release.exists, within=60.0, every=0.02)
    length = (b"content-length", str(len(name)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": name.encode()})


def main(release: str, name: str) -> None:
    server = PublicServer(application=partial(application, release=Path(release), name=name))
    limiter = ConcurrencyLimiter(100, 100)

    def bound() -> None:
        server.http_factory.protocol = partial(BoundedChannel, limiter, server.draining)

    server.ready_callable = bound
    server.run()


if __name__ == "__main__":
    os.umask(0o077)
    main(*sys.argv[1:])
