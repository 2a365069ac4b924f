"""Reading one trace from the observer, which keeps the spans."""

from __future__ import annotations

import http.client
import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from cluster.health.observer.span_store import KeptTrace
from config.environment import MissingSetting, observer_url

PATIENCE: Final = 2.0  # seconds
TRACE_ID: Final = re.compile("[0-9a-f]{32}")

_decoder: Final = msgspec.json.Decoder(KeptTrace)


class TracesAway(Exception):
    """The observer, which keeps the spans, has not answered, or not with a trace."""


def read_trace(trace_id: str) -> KeptTrace | None:
    """Return the trace with the spans that have arrived, or None when there are none.

    Raises TracesAway.
    """
    try:
        address = urlsplit(observer_url())
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=PATIENCE
        )
        try:
            connection.request("GET", f"/traces/{trace_id}")
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise TracesAway(f"it answered with {answer.status}")
        trace = _decoder.decode(body)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, MissingSetting) as error:
        raise TracesAway(str(error)) from error
    return trace if trace.spans else None
