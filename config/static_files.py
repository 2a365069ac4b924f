"""Static files under ASGI: what `config.static_build` has gathered, for ever cacheable.

In a process that has gathered nothing, such as a test's, they come straight from the
apps' folders under their plain names, for a minute.

WhiteNoise finds the files and computes their headers; its own middleware is
synchronous and would take every request and every page through a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from wsgiref.headers import Headers

from django.contrib.staticfiles.finders import get_finders
from whitenoise import WhiteNoise  # type: ignore[import-untyped]

from config import static_build

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# A hashed name means one content for ever; a year is the most that caches promise.
FOR_EVER: Final = "public, max-age=31536000, immutable"
# Short, since a plain name carries no version: a page and its script are never a minute apart.
MAX_AGE: Final = 60  # seconds
# Files that a template or another module asks for; all are small.
WHOLE_FILE: Final = -1


def _harden(headers: Headers, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


def _harden_and_keep(headers: Headers, path: str, url: str) -> None:
    _harden(headers, path, url)
    headers["Cache-Control"] = FOR_EVER


class StaticFiles:
    """An ASGI application for requests below `prefix`, which passes others to `application`."""

    def __init__(self, application: Application, *, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    @cached_property
    def _files(self) -> dict[str, Any]:
        """WhiteNoise's files by their addresses, made at the first request."""
        gathered = static_build.current()
        if gathered is None:
            return self._from_the_apps()
        found = _white_noise(_harden_and_keep)
        for folder in (*reversed(gathered.earlier), gathered.folder):
            found.add_files(str(folder), prefix=self._prefix)
        # A plain name, which a script or a reader may ask for, always means this code's file.
        plain = _white_noise(_harden)
        for name, hashed in gathered.names.items():
            plain.add_file_to_dictionary(f"{self._prefix}{name}", str(gathered.folder / hashed))
        return {**found.files, **plain.files}

    def _from_the_apps(self) -> dict[str, Any]:
        found = _white_noise(_harden)
        for finder in get_finders():
            for path, storage in finder.list(None):
                found.add_file_to_dictionary(
                    f"{self._prefix}{Path(path).as_posix()}", storage.path(path)
                )
        return dict(found.files)

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


def _white_noise(add_headers: Callable[[Headers, str, str], None]) -> WhiteNoise:
    return WhiteNoise(
        None, max_age=MAX_AGE, allow_all_origins=False, add_headers_function=add_headers
    )


def _as_wsgi(scope: Scope) -> dict[str, str]:
    """Return the request's headers under the names by which WhiteNoise asks for them."""
    return {
        "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in scope["headers"]
    }
