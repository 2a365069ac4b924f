"""A process answers from memory, before Django, what it has at hand of the page cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Any
from unittest.mock import AsyncMock

import brotli
import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

from cluster.kit import page_cache, page_memory
from cluster.kit.page_cache import PageCacheMiddleware, cached_page
from tests.kit.pages import BODY, MemoryStore, View


class Site:
    """The page front before a Django of one view, which records the paths that reach it."""

    def __init__(self, page: Callable[[HttpRequest], HttpResponse]) -> None:
        self.reached: list[str] = []
        self._page = page
        self._front = page_memory.PageFront(self._django)

    async def _django(self, scope: Any, _receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])

        def inner(request: HttpRequest) -> HttpResponse:
            answer = self._page(request)
            answer.headers["X-Frame-Options"] = "DENY"
            return answer

        response = PageCacheMiddleware(inner)(ASGIRequest(scope, BytesIO()))
        headers = [(n.lower().encode(), v.encode()) for n, v in response.headers.items()]
        await send({"status": response.status_code, "headers": headers})
        await send({"body": response.content})

    def get(self, path: str = "/page/", **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": b"",
            "headers": [(b"host", b"localhost"), *raw],
        }  # fmt: skip
        asyncio.run(self._front(scope, AsyncMock(), send))
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], found, sent[1]["body"]


def test_a_process_answers_from_memory_before_django(store: MemoryStore) -> None:
    site = Site(cached_page()(View()))
    answers = [site.get() for _ in range(3)]
    assert site.reached == ["/page/"]
    assert [body for _, _, body in answers] == [BODY.encode()] * 3
    assert answers[2][1] == answers[0][1]  # with the headers of all middleware
    assert answers[2][1]["x-frame-options"] == "DENY"


def test_memory_answers_conditionally_and_compressed(store: MemoryStore) -> None:
    site = Site(cached_page()(View()))
    tag = site.get()[1]["etag"]
    status, headers, body = site.get(**{"If-None-Match": tag})
    assert (status, headers["etag"], body) == (304, tag, b"")
    assert "content-length" not in headers
    status, headers, body = site.get(**{"Accept-Encoding": "br"})
    assert (status, headers["content-encoding"]) == (200, "br")
    assert brotli.decompress(body) == BODY.encode()
    assert site.reached == ["/page/"]


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": "sessionid=a"}, {"Cookie": "a=b; messages=c"}, {"Authorization": "Bearer a"}],
)
def test_memory_answers_nobody_who_has_a_session(
    store: MemoryStore, headers: dict[str, str]
) -> None:
    site = Site(cached_page()(View()))
    site.get()
    site.get(**headers)
    assert site.reached == ["/page/", "/page/"]


def test_memory_tells_proxied_addresses_apart(store: MemoryStore) -> None:
    site = Site(cached_page()(View()))
    site.get()
    site.get(**{"X-Forwarded-Proto": "https"})
    assert site.reached == ["/page/", "/page/"]


def test_once_in_a_while_one_request_asks_again(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_memory, "AT_HAND", 0.0)
    site = Site(cached_page()(View()))
    site.get()
    site.get()
    assert site.reached == ["/page/", "/page/"]


def test_a_page_built_before_a_change_is_not_held_after_it(store: MemoryStore) -> None:
    kept = cached_page()(View())

    def page(request: HttpRequest) -> HttpResponse:
        answer = kept(request)
        page_cache._forget_pages()
        return answer

    Site(page).get()
    assert page_memory._held == {}


def test_memory_is_bounded(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_memory, "MOST_AT_HAND", 3)
    site = Site(cached_page()(View()))
    for number in range(10):
        site.get(f"/{number}/")
    assert len(page_memory._held) == 3
