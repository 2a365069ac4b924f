"""The least that a page can cost: one bare Django view, served as the site is.

python -m chaos.benchmarks.bare_site PORT

Daphne and Django's ASGI handler, no middleware, no database, one address. It ends with
its parent, when its standard input closes.
"""

from __future__ import annotations

import os
import sys
import threading

import django
from daphne.server import Server  # it installs Twisted's asyncio reactor
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

BODY = b"A page.\n"


async def page(_request: HttpRequest) -> HttpResponse:
    """Answer asynchronously, as the fastest views do, without waking a thread."""
    return HttpResponse(BODY, content_type="text/plain", headers={"Content-Length": str(len(BODY))})


urlpatterns = [path("", page)]


def main(port: int) -> None:
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY="it signs nothing",  # noqa: S106 - and protects nothing
        MIDDLEWARE=[],
        LOGGING_CONFIG=None,
    )
    django.setup()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Server(
        application=get_asgi_application(),
        endpoints=[f"tcp:port={port}:interface=127.0.0.1"],
        signal_handlers=False,
        server_name="",
    ).run()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
