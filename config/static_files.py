"""Static files under ASGI, straight from the apps' folders: no collecting step, no build.

WhiteNoise finds the files and computes their headers; its own middleware is
synchronous and would take every request and every page through a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from wsgiref.headers import Headers

from django.contrib.staticfiles.finders import get_finders
from whitenoise import WhiteNoise  # type: ignore[import-untyped]

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Short, since the names carry no version: a page and its script are never a minute apart.
MAX_AGE: Final = 60  # seconds
# Files that a template or another module asks for; all are small.
WHOLE_FILE: Final = -1


def _harden(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


class StaticFiles:
    """Answers requests below `prefix`; every other one goes to `application`."""

    def __init__(self, application: Application, *, prefix: str) -> None:
        self._application = application
        self._prefix = prefix
        found = WhiteNoise(
            None, max_age=MAX_AGE, allow_all_origins=False, add_headers_function=_harden
        )
        for finder in get_finders():
            for path, storage in finder.list(None):
                found.add_file_to_dictionary(f"{prefix}{Path(path).as_posix()}", storage.path(path))
        self._files: dict[str, Any] = found.files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._files.get(scope["path"]) if scope["type"] == "http" else None
        if file is None:
            await self._application(scope, receive, send)
            return
        answer = file.get_response(scope["method"], _as_wsgi(scope))
        await send(
            {
                "type": "http.response.start",
                "status": int(HTTPStatus(answer.status)),
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("latin-1"))
                    for name, value in answer.headers
                ],
            }
        )
        body = b""
        if answer.file is not None:
            with answer.file as opened:
                body = opened.read(WHOLE_FILE)
        await send({"type": "http.response.body", "body": body})


def _as_wsgi(scope: Scope) -> dict[str, str]:
    """The request's headers under the names by which WhiteNoise asks for them."""
    return {
        "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in scope["headers"]
    }
