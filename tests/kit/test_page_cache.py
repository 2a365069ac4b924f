"""The page cache keeps public pages for their lifetime, and builds each one without Redis."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
import requests
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from cluster.kit import page_cache, page_memory
from cluster.kit.cache_redis import RedisAway
from cluster.kit.page_cache import PageCacheMiddleware, cached_page
from cluster.kit.page_store import Page, PageStore
from tests.conditions import eventually

BODY = "A page that is long enough to be worth compressing. " * 20


class MemoryStore(PageStore):
    """A store of pages in memory, which raises RedisAway while `away` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self.pages: dict[str, Page] = {}
        self.locks: dict[str, str] = {}
        self.away = False

    def read(self, key: str) -> tuple[int, Page | None]:
        self._answer()
        page = self.pages.get(key)
        return self.version, page if page and page.version == self.version else None

    def write(self, key: str, page: Page, *, lifetime: float) -> None:
        self._answer()
        self.pages[key] = page

    def lock(self, key: str) -> str | None:
        self._answer()
        if key in self.locks:
            return None
        self.locks[key] = "token"
        return "token"

    def unlock(self, key: str, token: str) -> None:
        self._answer()
        self.locks.pop(key)

    def next_version(self) -> None:
        self._answer()
        self.version += 1

    def _answer(self) -> None:
        if self.away:
            raise RedisAway


class View:
    """A view that counts its calls."""

    def __init__(self, answer: Callable[[], HttpResponse] = lambda: HttpResponse(BODY)) -> None:
        self.calls = 0
        self.answer = answer

    def __call__(self, _request: HttpRequest) -> HttpResponse:
        self.calls += 1
        return self.answer()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryStore]:
    replaced = MemoryStore()
    monkeypatch.setattr(page_cache, "_store", replaced)
    page_memory.forget()
    yield replaced
    page_memory.forget()


def get(path: str = "/page/", **headers: str) -> HttpRequest:
    return RequestFactory().get(path, headers=headers)


def test_the_second_visitor_gets_what_was_built_for_the_first(store: MemoryStore) -> None:
    view = View()
    page = cached_page()(view)
    assert [page(get()).content for _ in range(3)] == [BODY.encode()] * 3
    assert view.calls == 1


def test_a_page_is_built_again_when_its_lifetime_is_over(store: MemoryStore) -> None:
    view = View()
    page = cached_page(lifetime=0.0)(view)
    page(get())
    page(get())
    assert view.calls == 2


def test_changed_content_makes_every_page_old(store: MemoryStore) -> None:
    view = View()
    page = cached_page()(view)
    page(get())
    page_cache._forget_pages()
    page(get())
    assert view.calls == 2


@pytest.mark.parametrize(
    "request_",
    [
        get(Cookie="sessionid=abc"),
        get(Cookie="messages=abc"),
        get(Authorization="Bearer abc"),
        RequestFactory().post("/page/"),
    ],
)
def test_whoever_has_a_session_gets_a_page_of_their_own(
    store: MemoryStore, request_: HttpRequest
) -> None:
    view = View()
    page = cached_page()(view)
    page(get())
    answer = page(request_)
    assert view.calls == 2
    assert answer.headers["Cache-Control"] == "private, no-cache"


def _sets_cookie() -> HttpResponse:
    answer = HttpResponse(BODY)
    answer.set_cookie("seen", "1")
    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda: HttpResponse("away", status=503),
        lambda: HttpResponse("gone", status=404),
        lambda: HttpResponse(BODY, headers={"Cache-Control": "no-store"}),
        _sets_cookie,
    ],
)
def test_errors_and_personal_answers_are_never_kept(
    store: MemoryStore, answer: Callable[[], HttpResponse]
) -> None:
    view = View(answer)
    page = cached_page()(view)
    assert page(get()).content == page(get()).content
    assert (view.calls, store.pages, store.locks) == (2, {}, {})


def test_a_view_that_fails_gives_back_the_right_to_build(store: MemoryStore) -> None:
    def fail() -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cached_page()(View(fail))(get())
    assert store.locks == {}


def test_only_named_parameters_make_another_page(store: MemoryStore) -> None:
    view = View()
    page = cached_page(query=["kind"])(view)
    for path in ("/p/?kind=a", "/p/?kind=a&utm=1", "/p/?utm=2&kind=a"):
        page(get(path))
    assert view.calls == 1
    page(get("/p/?kind=b"))
    assert view.calls == 2


def test_each_host_has_its_own_page(store: MemoryStore) -> None:
    view = View()
    page = cached_page()(view)
    page(get(Host="localhost"))
    page(get(Host="127.0.0.1"))
    assert view.calls == 2


@pytest.mark.parametrize(
    ("accepted", "encoding", "unpack"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("identity", None, bytes),
        ("", None, bytes),
    ],
)
def test_a_page_is_kept_compressed_and_sent_as_the_visitor_takes_it(
    store: MemoryStore, accepted: str, encoding: str | None, unpack: Callable[[bytes], bytes]
) -> None:
    answer = cached_page()(View())(get(**{"Accept-Encoding": accepted}))
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding, Cookie"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert unpack(answer.content) == BODY.encode()


def test_a_visitor_who_has_the_page_is_told_so(store: MemoryStore) -> None:
    page = cached_page()(View())
    etag = page(get()).headers["ETag"]
    again = page(get(**{"If-None-Match": f'"other", {etag}'}))
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert page(get(**{"If-None-Match": '"other"'})).status_code == 200


def test_a_date_decides_where_no_tag_was_sent(store: MemoryStore) -> None:
    modified = "Sat, 14 Nov 2026 09:14:02 GMT"
    page = cached_page()(View(lambda: HttpResponse(BODY, headers={"Last-Modified": modified})))
    assert page(get(**{"If-Modified-Since": modified})).status_code == 304
    assert page(get(**{"If-Modified-Since": "Fri, 13 Nov 2026 09:14:02 GMT"})).status_code == 200
    both = get(**{"If-Modified-Since": modified, "If-None-Match": '"other"'})
    assert page(both).status_code == 200


def test_without_redis_every_request_builds_its_page(store: MemoryStore) -> None:
    view = View()
    page = cached_page()(view)
    page(get())
    store.away = True
    assert [page(get()).status_code for _ in range(2)] == [200, 200]
    assert view.calls == 3
    page_cache._forget_pages()  # raises nothing, so a save does not fail


def test_while_one_builds_others_get_the_page_of_before(store: MemoryStore) -> None:
    view = View()
    page = cached_page(lifetime=0.0)(view)
    page(get())
    [key] = store.pages
    store.locks[key] = "somebody else's"
    assert page(get()).status_code == 200
    assert view.calls == 1


def test_while_the_first_is_built_the_second_waits_for_it(store: MemoryStore) -> None:
    building, go_on = threading.Event(), threading.Event()

    def slow() -> HttpResponse:
        building.set()
        go_on.wait(10)
        return HttpResponse(BODY)

    view = View(slow)
    page = cached_page()(view)
    answers: list[HttpResponse] = []
    threads = [threading.Thread(target=lambda: answers.append(page(get()))) for _ in range(4)]
    threads[0].start()
    assert building.wait(10)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert ([answer.status_code for answer in answers], view.calls) == ([200] * 4, 1)


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
        asyncio.run(self._front(scope, None, send))
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


@pytest.mark.platform
def test_redis_keeps_pages_for_all_processes(platform: Any) -> None:
    one, other = PageStore(), PageStore()
    key = "test-page-cache"
    version, _ = one.read(key)
    page = Page(version, 0.0, 'W/"1"', "text/html", {"": b"x"}, {"Last-Modified": "now"})
    one.write(key, page, lifetime=5.0)
    assert other.read(key) == (version, page)
    token = one.lock(key)
    assert (token is None, other.lock(key)) == (False, None)
    other.unlock(key, "somebody else's")
    assert other.lock(key) is None
    one.unlock(key, token or "")
    other.next_version()
    assert one.read(key) == (version + 1, None)


@pytest.mark.platform
def test_the_site_answers_conditionally_and_compressed(platform_url: str) -> None:
    address = f"{platform_url}/articles/"
    first = requests.get(address, headers={"Accept-Encoding": "br"}, timeout=10)
    assert first.status_code == 200
    assert first.headers["Vary"] == "Accept-Encoding, Cookie"
    assert "Content-Security-Policy" in first.headers

    def told_unchanged() -> bool:
        # The page may have been drawn anew between the two requests.
        tag = requests.get(address, timeout=10).headers["ETag"]
        again = requests.get(address, headers={"If-None-Match": tag}, timeout=10)
        return (again.status_code, again.content) == (304, b"")

    eventually(told_unchanged)
