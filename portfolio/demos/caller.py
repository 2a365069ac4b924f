"""HTTP requests that a demo makes to this site, over a real socket, and their answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import requests

from config import environment
from portfolio.demos.result import SHOWN_BODY, Exchange

TIMEOUT: Final = 20.0  # seconds of silence
MOST_AT_ONCE: Final = 50
KEPT_HEADERS: Final = (
    "Content-Type",
    "Location",
    "ETag",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Idempotency-Key",
    "Idempotent-Replayed",
    "Cache-Status",
    "WWW-Authenticate",
    "traceparent",
)

Told = TypeVar("Told")  # the result of one caller, after one request or several


class SiteAway(Exception):
    """The site did not answer a request of a demo. The message names the request and the error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in full, and its record for the result."""

    exchange: Exchange
    body: str

    @property
    def status(self) -> int:
        return self.exchange.status

    def json(self) -> Any:
        """Return the body as JSON. Raises ValueError when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls `site` (scheme, host and port) with the visitor's cookies."""

    site: str
    cookies: Mapping[str, str]

    def __call__(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        note: str = "",
    ) -> Answer:
        """Make one request, with `body` as JSON, and return its answer.

        `headers` are added to it. A credential other than the visitor's cookies belongs there, and
        the record keeps only the scheme of an Authorization header.
        Raises SiteAway when the site does not answer.
        """
        sent = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        began = time.monotonic()
        try:
            response = requests.request(
                method,
                f"{self.site}{path}",
                data=data,
                headers={"Accept": "application/json", **_of_the_proxy(), **sent},
                cookies=dict(self.cookies),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise SiteAway(f"{method} {path} was not answered: {type(error).__name__}") from error
        milliseconds = (time.monotonic() - began) * 1000
        exchange = Exchange(
            method=method,
            path=path,
            status=response.status_code,
            milliseconds=round(milliseconds, 1),
            request_headers={name: _shown(name, value) for name, value in sent.items()},
            request_body=(data or "")[:SHOWN_BODY],
            response_headers={
                name: response.headers[name] for name in KEPT_HEADERS if name in response.headers
            },
            response_body=response.text[:SHOWN_BODY],
            note=note,
        )
        return Answer(exchange, response.text)

    def at_once(
        self, calls: Sequence[Callable[[], Told]], *, at_most: int = MOST_AT_ONCE
    ) -> list[Told]:
        """Run several calls at once, each over its own connections, and return their results.

        Raises the first error of a call when all of them have ended.
        """
        with ThreadPoolExecutor(max_workers=max(1, min(len(calls), at_most))) as pool:
            begun = [pool.submit(call) for call in calls]
        return [call.result() for call in begun]


def _of_the_proxy() -> dict[str, str]:
    """Return the header with which a proxy says that TLS ends at it, where there is one."""
    return {"X-Forwarded-Proto": "https"} if environment.behind_tls() else {}


def _shown(name: str, value: str) -> str:
    return f"{value.partition(' ')[0]} …" if name.lower() == "authorization" else value
