"""Run the fault proxy of all links: python -m chaos.links."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from chaos.links.proxy import LinkProxy
from chaos.links.table import in_force
from config import environment, logs
from config.fault_routes import LINKS, Link

logger = logging.getLogger(__name__)


async def serve() -> None:
    """Listen on the port of every link until SIGTERM."""
    ports = environment.link_ports()
    # Without ports it only waits for SIGTERM, and affects no connection.
    proxies: list[asyncio.Task[None]] = [asyncio.create_task(asyncio.sleep(float("inf")))]
    proxies += [
        asyncio.create_task(proxy_of(link).serve(environment.link_proxy(), ports[link.name]))
        for link in LINKS.values()
        if link.name in ports
    ]
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, _cancel, proxies)
    logger.info("in nobody's way on %d ports", len(ports))
    # A port that another process uses ends the whole proxy.
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*proxies)


def _cancel(proxies: Sequence[asyncio.Task[None]]) -> None:
    for proxy in proxies:
        proxy.cancel()


def proxy_of(link: Link) -> LinkProxy:
    return LinkProxy(
        link.name,
        server=lambda: server_of(link),
        detour=lambda: in_force().get(link.name),
    )


def server_of(link: Link) -> tuple[str, int]:
    """Return the real host and port of a link's server.

    This process owns no link, so it is never led through a detour itself.
    """
    match link.server:
        case "broker":
            address, default = environment.broker_url(), 5672
        case "database":
            address, default = environment.database_url(link.owner), 5432
        case "cache":
            address, default = environment.redis_url(), 6379
        case _:
            address, default = environment.provider_url(), 80
    parts = urlsplit(address)
    return parts.hostname or "127.0.0.1", parts.port or default


if __name__ == "__main__":
    logs.configure()
    asyncio.run(serve())
