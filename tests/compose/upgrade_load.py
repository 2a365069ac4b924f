"""Visitors of a platform that is being upgraded: pages, static files and checkouts."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from itertools import count, cycle
from typing import Final

import requests

from tests.conditions import eventually
from tests.portfolio.api.client import PURCHASE, Client

PAGES: Final = ("/", "/articles/", "/lab/", "/events/", "/chaos/", "/healthz")
PAUSE: Final = 0.05  # seconds between two requests of one reader
CHECKOUT_PAUSE: Final = 0.4  # seconds between two checkouts
OF_ONE_VISITOR: Final = 5  # checkouts, fewer than anybody is limited to
FIRST_ADDRESS: Final = int(ip_address("9.9.0.1"))
ENDED: Final = ("completed", "compensated")


class Visitors:
    """What readers and buyers asked, and each request that was not answered as it should be."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.answered = 0
        self.failures: list[str] = []
        self.slowest = 0.0  # seconds
        self._checkouts: list[tuple[Client, str]] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """Let visitors ask for the length of the block."""
        tasks: list[Callable[[], None]] = [
            *(self._read_with_new_connections for _ in range(2)),
            *(self._read_on_one_connection for _ in range(2)),
            self._buy,
        ]
        threads = [threading.Thread(target=task) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def await_ends(self) -> list[str]:
        """Return how each accepted checkout ended."""
        return [eventually(partial(self._end_of, *one), within=120.0) for one in self._checkouts]

    def _end_of(self, client: Client, checkout: str) -> str | None:
        state: str = client.get(f"/checkouts/{checkout}").json()["status"]
        return state if state in ENDED else None

    def _read_with_new_connections(self) -> None:
        for page in cycle(PAGES):
            if self._stop.wait(PAUSE):
                return
            self._ask(partial(requests.get, f"{self.site}{page}", timeout=30))

    def _read_on_one_connection(self) -> None:
        """Read as a browser does: the page, and then the files that it names."""
        with requests.Session() as session:
            for page in cycle(PAGES):
                if self._stop.wait(PAUSE):
                    return
                answer = self._ask(partial(session.get, f"{self.site}{page}", timeout=30))
                for file in re.findall(r'"(/static/[^"]+\.css)"', answer.text if answer else ""):
                    self._ask(partial(session.get, f"{self.site}{file}", timeout=30))

    def _buy(self) -> None:
        for number in count():
            if self._stop.wait(CHECKOUT_PAUSE):
                return
            if number % OF_ONE_VISITOR == 0:
                client = Client(self.site)
                network = number // OF_ONE_VISITOR
                client.session.headers["X-Forwarded-For"] = (
                    f"203.0.{network // 250}.{network % 250}"
                )
            answer = self._ask(partial(client.post, "/checkouts", PURCHASE))
            if answer is not None and answer.ok:
                self._checkouts.append((client, answer.json()["id"]))

    def _ask(self, request: Callable[[], requests.Response]) -> requests.Response | None:
        began = time.monotonic()
        try:
            answer = request()
        except requests.RequestException as error:
            self._note(began, f"{type(error).__name__}: {error}")
            return None
        self._note(began, None if answer.ok else f"{answer.status_code} {answer.url}")
        return answer

    def _note(self, began: float, failure: str | None) -> None:
        with self._lock:
            self.slowest = max(self.slowest, time.monotonic() - began)
            if failure is None:
                self.answered += 1
            else:
                self.failures.append(failure)
