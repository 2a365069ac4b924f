"""Run the observer: python -m cluster.health.observer."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from cluster.health.observer.observer import Observer
from cluster.health.observer.server import Server
from config import environment, logs
from config.revision import running_revision


def main() -> None:
    """Serve on OBSERVER_URL until SIGTERM."""
    logs.configure()
    address = urlsplit(environment.observer_url())
    revision = running_revision()
    server = Server(Observer(revision=revision.short if revision.known else "unknown"))
    web.run_app(
        server.application(),
        host=address.hostname,
        port=address.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=0.5,
    )


if __name__ == "__main__":
    main()
