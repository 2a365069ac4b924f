"""Waiting for conditions, never for a time."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

POLL: Final = 0.1  # seconds


def wait_until(condition: Callable[[], bool], *, patience: float, failure: str) -> None:
    """Ask until the condition holds; raise TimeoutError(failure) after `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(failure)
        time.sleep(POLL)


def web_answers(port: int, path: str) -> bool:
    """Whether the site says yes: at /healthz that it answers, at /readyz that it can serve."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
