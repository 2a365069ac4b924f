"""Reads again when a connection is lost, as it is when its lease is revoked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from django.db import Error, connection

from cluster.secrets.postgres import is_outage
from config.waiting import retry

PAUSES: Final = (0.1, 0.4)  # seconds

Result = TypeVar("Result")
Otherwise = TypeVar("Otherwise")

logger = logging.getLogger(__name__)


def retry_on_disconnect(
    read: Callable[[], Result], pauses: Sequence[float] | None = None
) -> Result:
    """Run `read`, and again when its connection is lost, as it is when a lease is revoked."""
    return retry(
        read,
        on=lambda error: isinstance(error, Error) and is_outage(error),
        pauses=PAUSES if pauses is None else pauses,
        before_pause=lambda _error: connection.close(),
    )


def read_or(
    otherwise: Otherwise, read: Callable[[], Result], pauses: Sequence[float] | None = None
) -> Result | Otherwise:
    """Return the result of `read`, or `otherwise` while the database is away."""
    try:
        return retry_on_disconnect(read, pauses)
    except Error as error:
        if not is_outage(error):
            raise
        logger.info("answering without the database: %s", error)
        return otherwise
