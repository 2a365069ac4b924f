"""Waiting for conditions, never for a time."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

POLL: Final = 0.1  # seconds


def wait_until(condition: Callable[[], bool], *, patience: float, failure: str) -> None:
    """Wait until the condition holds, or raise TimeoutError(failure) after `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(failure)
        time.sleep(POLL)


def web_answers(port: int, path: str) -> bool:
    """Return whether the site answers with 200: at /healthz if it runs, at /readyz if it serves."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
