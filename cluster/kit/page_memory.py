"""Pages in the memory of one web process, and the ASGI application that answers with them.

`PageFront` stands before Django: a request that it answers costs no request object,
no middleware and no thread. A page is held for AT_HAND seconds; then one request
goes on to Django, which asks Redis or builds, and all others still get the copy.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings

from cluster.kit.page_answer import encoding_for, headers_of, headers_of_body, is_known
from cluster.kit.page_store import Page
from config.static_files import Application, Receive, Scope, Send

AT_HAND: Final = 1.0  # seconds that a process answers from memory before it asks Redis again
MOST_AT_HAND: Final = 256  # pages

METHODS: Final = frozenset({"GET", "HEAD"})
# A visitor with one of these gets pages of their own.
PERSONAL: Final = (f"{settings.SESSION_COOKIE_NAME}=".encode(), b"messages=")

# Everything that Django may use for an address: its scheme depends on the proxy's header.
Key = tuple[str, bytes, bytes, str, bytes]
Raw = list[tuple[bytes, bytes]]


class Held:
    """A finished page, with its headers as ASGI wants them."""

    __slots__ = ("ask_again_at", "bodies", "brief", "page")

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ask_again_at = time.monotonic() + AT_HAND
        self.brief = _raw(headers_of(page))  # of "not modified"
        self.bodies = {
            encoding: (self.brief + _raw(headers_of_body(page, encoding)), body)
            for encoding, body in page.bodies.items()
        }


_held: Final[dict[Key, Held]] = {}
_changes = 0  # how often content has changed, as far as this process knows


def changes() -> int:
    """Return a number that grows whenever pages become old."""
    return _changes


def forget() -> None:
    """Drop every held page, since all of them are old."""
    global _changes  # noqa: PLW0603  # one number for the process
    _changes += 1
    _held.clear()


def hold(scope: Scope, page: Page) -> None:
    """Answer from now on with this page, which has all its headers."""
    key = key_of(scope)
    if key is None:
        return
    _held.pop(key, None)
    while len(_held) >= MOST_AT_HAND:
        _held.pop(next(iter(_held)))
    _held[key] = Held(page)


def key_of(scope: Scope) -> Key | None:
    """Return the key of the page that a request asks for, or None if it may get one of its own."""
    if scope["method"] not in METHODS:
        return None
    host = proxy = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"x-forwarded-proto":
            proxy = value
        elif name == b"authorization" or (name == b"cookie" and _is_personal(value)):
            return None
    return scope.get("scheme", "http"), proxy, host, scope["path"], scope["query_string"]


class PageFront:
    """An ASGI application that answers with held pages, and passes the rest to `application`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = _at_hand(scope)
        if held is None:
            await self._application(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        status, headers, body = HTTPStatus.NOT_MODIFIED, held.brief, b""
        if not is_known(held.page, asked.get(b"if-none-match"), asked.get(b"if-modified-since")):
            encoding = encoding_for(held.page, asked.get(b"accept-encoding", ""))
            status = HTTPStatus.OK
            headers, body = held.bodies[encoding]
        start: Any = {"type": "http.response.start", "status": int(status), "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": b"" if _is_head(scope) else body})


def _at_hand(scope: Scope) -> Held | None:
    if not _held:
        return None
    key = key_of(scope)
    held = _held.get(key) if key is not None else None
    if held is None:
        return None
    now = time.monotonic()
    if now >= held.ask_again_at:
        held.ask_again_at = now + AT_HAND
        return None
    return held


def _is_personal(cookies: bytes) -> bool:
    return any(cookie in cookies for cookie in PERSONAL)


def _is_head(scope: Scope) -> bool:
    return bool(scope["method"] == "HEAD")


def _raw(headers: dict[str, str]) -> Raw:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]
