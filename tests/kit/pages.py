"""Pages for the page cache: a view, a request, and a store in memory."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from cluster.kit.cache_redis import RedisAway
from cluster.kit.page_store import Page, PageStore

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


def get(path: str = "/page/", **headers: str) -> HttpRequest:
    return RequestFactory().get(path, headers=headers)
