"""Pages for visitors without a session, built once and sent to many.

A view decorated with `cached_page` is built by one request at a time and kept in
Redis for a few seconds (`page_store.py`), with its compressed forms and its ETag.
`PageCacheMiddleware`, the outermost, puts the finished answer into the memory of
its process, which answers the next requests before Django (`page_memory.py`).

Never kept: an answer other than 200, one that sets a cookie or says `no-store`,
and any answer to a request that carries a session or a message.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import brotli
import msgspec
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from cluster.kit import page_memory
from cluster.kit.cache_redis import RedisAway
from cluster.kit.middleware import Middleware, Response, Steps
from cluster.kit.page_answer import answer
from cluster.kit.page_store import Page, PageStore
from config import static_build

LIFETIME: Final = 10.0  # seconds; a page's server-drawn live parts are never much older

# PNG images are compressed already, and a smaller page gains less than another header costs.
SMALLEST_COMPRESSED: Final = 200  # bytes
BROTLI_QUALITY: Final = 5  # near the best size, at a tenth of its time
GZIP_LEVEL: Final = 6

SENT: Final = frozenset({HTTPStatus.OK, HTTPStatus.NOT_MODIFIED})

# Set anew for each answer.
NOT_KEPT: Final = frozenset(
    {"content-encoding", "content-length", "content-type", "etag", "vary", "set-cookie"}
)

View = Callable[..., HttpResponse]

_store: Final = PageStore()


def content_changed() -> None:
    """Make every kept page old from the commit on, since content that pages show has been written.

    `portfolio/apps.py` calls it for every saved row. Code that writes around Django's signals
    (`bulk_create`, `update`) calls it too. Other processes learn of it within a second or two.
    """
    waiting = transaction.get_connection().run_on_commit
    if not any(act is _forget_pages for _, act, _ in waiting):  # a save writes several rows
        transaction.on_commit(_forget_pages)


def _forget_pages() -> None:
    page_memory.forget()
    # With Redis away the kept pages of other processes live out their few seconds.
    with suppress(RedisAway):
        _store.next_version()
    # Again: a request in between may have fetched a page of the old version.
    page_memory.forget()


def cached_page(*, lifetime: float = LIFETIME) -> Callable[[View], View]:
    """Keep the view's answer for `lifetime` seconds, for visitors without a session.

    Such a page depends on no parameter of its query.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def cached(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not is_shared(request):
                response = view(request, *args, **kwargs)
                response.headers.setdefault("Cache-Control", "private, no-cache")
                return response
            found = _page(_key(request), lifetime, request, lambda: view(request, *args, **kwargs))
            if isinstance(found, HttpResponse):
                return found
            response = answer(found, request)
            if not request.META.get("QUERY_STRING"):
                response.kept_page = found  # type: ignore[attr-defined]  # for the middleware
            return response

        return cached

    return decorate


def is_shared(request: HttpRequest) -> bool:
    """Return whether the answer may be the same for every visitor with this request."""
    if request.method not in {"GET", "HEAD"} or "HTTP_AUTHORIZATION" in request.META:
        return False
    if "HTTP_COOKIE" not in request.META:
        return True
    return settings.SESSION_COOKIE_NAME not in request.COOKIES and "messages" not in request.COOKIES


def _page(
    key: str, lifetime: float, request: HttpRequest, build: Callable[[], HttpResponse]
) -> Page | HttpResponse:
    """Return the page, kept or built now, or the response when it may not be kept."""
    try:
        version, page = _store.read(key)
        if page is not None and 0 <= time.time() - page.built_at < lifetime:
            return page
        token = _store.lock(key)
        if token is None:
            page = page or _store.wait(key)
            if page is not None:
                return page
    except RedisAway:
        version, token = 0, None
    try:
        response = build()
        if not _may_be_kept(response, request):
            return response
        built = _compressed(response, version)
        if token is not None:
            with suppress(RedisAway):
                _store.write(key, built, lifetime=lifetime)
        return built
    finally:
        if token is not None:
            _store.unlock(key, token)


def _may_be_kept(response: HttpResponse, request: HttpRequest) -> bool:
    return (
        response.status_code == HTTPStatus.OK
        and not response.streaming
        and not response.cookies
        and not response.has_header("Content-Encoding")
        and "no-store" not in response.headers.get("Cache-Control", "")
        # The form's token is set by a middleware, after this.
        and not request.META.get("CSRF_COOKIE_NEEDS_UPDATE")
        and not (hasattr(request, "session") and request.session.modified)
    )


def _compressed(response: HttpResponse, version: int) -> Page:
    body = response.content
    content_type = response.headers["Content-Type"]
    bodies = {"": body}
    if len(body) >= SMALLEST_COMPRESSED and not content_type.startswith("image/png"):
        bodies["gzip"] = gzip.compress(body, GZIP_LEVEL, mtime=0)
        bodies["br"] = brotli.compress(body, quality=BROTLI_QUALITY)
    return Page(
        version=version,
        built_at=time.time(),
        # Weak: the same page in every encoding.
        etag=f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"',
        content_type=content_type,
        bodies=bodies,
        headers=_kept_headers(response),
    )


def _kept_headers(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.lower() not in NOT_KEPT}


def _key(request: HttpRequest) -> str:
    # Pages name their own address: each host and scheme has its own. And a page names
    # the hashed files of the code that built it.
    gathered = static_build.current()
    files = gathered.digest if gathered else ""
    return "\n".join((files, request.scheme or "", request.META.get("HTTP_HOST", ""), request.path))


class PageCacheMiddleware(Middleware):
    """The middleware that keeps finished answers in memory.

    It is the first, so that it sees the headers that all others set.
    """

    def around(self, request: HttpRequest) -> Steps:
        changes = page_memory.changes()
        return _held(request, (yield), changes)


def _held(request: HttpRequest, response: Response, changes: int) -> Response:
    """Return the response, which is also held in memory when its view has kept it."""
    page: Page | None = getattr(response, "kept_page", None)
    scope = getattr(request, "scope", None)
    if (
        page is not None
        and scope is not None
        # A page that was built before a change and answered after it is for this one request.
        and changes == page_memory.changes()
        and response.status_code in SENT
        and not response.cookies
    ):
        headers = page.headers | _kept_headers(response)
        page_memory.hold(scope, msgspec.structs.replace(page, headers=headers))
    return response
