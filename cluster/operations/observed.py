"""The observer's findings that take longer than one command: stalls, and an alarm."""

from __future__ import annotations

import http.client
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from cluster.health.progress import Stalled
from config.environment import observer_url

PATIENCE: Final = 3.0  # seconds for its answer, which it has ready


class ObserverAway(Exception):
    """The observer did not answer, or not with a snapshot, for the reason in the message."""


class Observed(Struct, frozen=True, kw_only=True):
    """The part of the observer's snapshot that a single poll cannot find."""

    stalls: list[Stalled] = []
    broker_alarm: str | None = None


def read_observed() -> Observed:
    """Ask the observer once.

    Raises ObserverAway or MissingSetting.
    """
    address = urlsplit(observer_url())
    connection = http.client.HTTPConnection(
        address.hostname or "127.0.0.1", address.port, timeout=PATIENCE
    )
    try:
        connection.request("GET", "/snapshot")
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise ObserverAway(f"it answers with {answer.status}")
        return msgspec.json.decode(answer.read(), type=Observed)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise ObserverAway(str(error) or type(error).__name__) from error
    finally:
        connection.close()
