"""The page cache keeps public pages for their lifetime, and builds each one without Redis."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import requests
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from cluster.kit import page_cache
from cluster.kit.page_cache import cached_page
from cluster.kit.page_store import Page, PageStore
from tests.clock import Clock
from tests.conditions import eventually
from tests.kit.pages import BODY, MemoryStore, View, get


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


def test_a_page_of_a_clock_that_was_set_back_is_built_again(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(10_000.0)
    monkeypatch.setattr(page_cache, "time", clock)
    view = View()
    page = cached_page()(view)
    page(get())
    clock.now -= 3600.0
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


def forgettings() -> int:
    """Return how often the open transaction will forget the kept pages when it commits."""
    waiting = transaction.get_connection().run_on_commit
    return [act for _, act, _ in waiting].count(page_cache._forget_pages)


@pytest.mark.usefixtures("site")
def test_a_save_of_many_rows_forgets_the_pages_once() -> None:
    for _ in range(3):
        with transaction.atomic():
            page_cache.content_changed()
    assert forgettings() == 1


@pytest.mark.usefixtures("site")
def test_a_part_that_is_rolled_back_does_not_forget_for_the_rest() -> None:
    with transaction.atomic():
        page_cache.content_changed()
        transaction.set_rollback(True)
    assert forgettings() == 0
    page_cache.content_changed()
    assert forgettings() == 1


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


def test_no_parameter_makes_another_page(store: MemoryStore) -> None:
    view = View()
    page = cached_page()(view)
    for path in ("/p/", "/p/?kind=a", "/p/?utm=2&kind=b"):
        page(get(path))
    assert view.calls == 1


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
