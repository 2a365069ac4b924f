"""HTTP: one GET on a connection that stays open. For the site, the gateway and the provider."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from cluster.health.probes.probe import Answer, ProbeFailed, TimedOut, in_words
from config import environment

SOCKET_PATIENCE: Final = 3.0  # seconds
LARGEST: Final = 64 * 1024  # bytes of an answer that are read
# A part may be reached under any name, but the site only answers to the names in its settings.
HEADERS: Final = {"Host": "localhost", "Accept": "application/json, text/plain"}

SUCCESS: Final = range(200, 300)

Judge = Callable[[HTTPStatus, Any], Any]


class Unwell(ProbeFailed):
    """The target answered, and reported that something it needs is missing."""


class WebProbe:
    """Asks one HTTP server for `path` of `address`, where `judge` makes the detail or raises."""

    def __init__(self, target: str, address: str, path: str, judge: Judge) -> None:
        self.target = target
        self._address = urlsplit(address)
        self._path = path
        self._judge = judge
        self._connection: http.client.HTTPConnection | None = None

    def ask(self) -> Answer:
        started = time.perf_counter()
        try:
            status, body = self._get()
        except TimeoutError as error:
            self.close()
            raise TimedOut("it does not answer") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ProbeFailed(in_words(error)) from error
        return Answer(1000 * (time.perf_counter() - started), self._judge(status, body))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _get(self) -> tuple[HTTPStatus, Any]:
        kept = self._connection is not None
        try:
            return self._get_once()
        except (ConnectionError, http.client.BadStatusLine):
            if not kept:
                raise
            # A server may close an idle connection at any time: that alone is no failure.
            self.close()
            return self._get_once()

    def _get_once(self) -> tuple[HTTPStatus, Any]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._address.hostname or "127.0.0.1", self._address.port, timeout=SOCKET_PATIENCE
            )
        self._connection.request("GET", self._path, headers=HEADERS)
        answer = self._connection.getresponse()
        raw = answer.read(LARGEST)
        if not answer.isclosed():  # longer than any answer that is expected
            self.close()
        return HTTPStatus(answer.status), _decoded(raw)


def site_probe() -> WebProbe:
    return WebProbe("web", environment.site_url(), "/healthz", _ok)


def gateway_probe() -> WebProbe:
    return WebProbe(
        "payments-gateway", environment.setting("PAYMENTS_WEBHOOK_URL"), "/healthz", _gateway
    )


def provider_probe() -> WebProbe:
    return WebProbe("provider", environment.setting("PROVIDER_URL"), "/healthz", _ok)


def secrets_probe() -> WebProbe:
    """Return a probe of OpenBao: active, standby, sealed or not initialised. It needs no login."""
    return WebProbe("openbao", environment.vault_address(), "/v1/sys/health", _secrets)


def _ok(status: HTTPStatus, _body: Any) -> None:
    if status not in SUCCESS:
        raise ProbeFailed(f"it answers with {status.value}")


def _gateway(status: HTTPStatus, body: Any) -> Any:
    """Return the state of its circuit to the provider, and of the operations that wait."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise Unwell("it answers, and cannot reach its database")
    _ok(status, body)
    return body


def _secrets(status: HTTPStatus, body: Any) -> Any:
    # https://openbao.org/api-docs/system/health/
    match status.value:
        case 200:
            return body
        case 429 | 472 | 473:
            raise ProbeFailed("it is on standby")
        case 501:
            raise ProbeFailed("it is not initialised")
        case 503:
            raise ProbeFailed("it is sealed")
        case other:
            raise ProbeFailed(f"it answers with {other}")


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
