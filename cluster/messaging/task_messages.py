"""The check of messages on a queue of scheduled tasks, which only this cluster's clock may send.

Any other message is a dead letter, and Celery never sees it: Celery's own handling of a malformed
task loses the message or, with a strange header, the worker.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from cluster.messaging.envelope import LARGEST_BODY, LONGEST_TEXT, is_sane
from cluster.messaging.tolerant_decoding import unreadable

# Of Celery's task protocol, version 2; a message of the clock leaves these empty.
# Source: https://docs.celeryq.dev/en/stable/internals/protocol.html
ABSENT: Final = ("compression", "eta", "group", "group_index", "stamped_headers", "stamps")
EMBEDDED: Final = ("callbacks", "errbacks", "chain", "chord")


def fault_of(body: object, properties: Mapping[str, Any], known: Collection[str]) -> str | None:
    """Return the reason why a message does not order one of the `known` tasks now, or None."""
    broken = unreadable(properties)
    if broken is not None:
        return f"its AMQP properties cannot be decoded: {broken.error}"
    headers = properties.get("application_headers") or {}
    task = headers.get("task")
    if not isinstance(task, str):
        return "it is not a message of Celery: it names no task"
    if task not in known:
        return f"there is no task {task[:LONGEST_TEXT]!r} here"
    return _fault_of_headers(headers) or _fault_of_body(body, properties)


def _fault_of_headers(headers: Mapping[str, Any]) -> str | None:
    for name in ABSENT:
        if headers.get(name):
            return f"the header {name} is not for scheduled work"
    identifier = headers.get("id")
    if not (isinstance(identifier, str) and 0 < len(identifier) <= LONGEST_TEXT):
        return "it has no id"
    if headers.get("retries") not in (None, 0):
        return "scheduled work is not retried"
    if headers.get("timelimit") not in (None, [None, None]):
        return "scheduled work has no time limit"
    if not _expires_sanely(headers.get("expires")):
        return "the header expires is not a time"
    return None


def _expires_sanely(expires: object) -> bool:
    if expires is None:
        return True
    try:
        return isinstance(expires, str) and is_sane(datetime.fromisoformat(expires))
    except ValueError:
        return False


def _fault_of_body(body: object, properties: Mapping[str, Any]) -> str | None:
    if properties.get("content_type") != "application/json":
        return "its content type is not application/json"
    if properties.get("content_encoding") != "utf-8":
        return "its content encoding is not utf-8"
    if not isinstance(body, bytes | str) or len(body) > LARGEST_BODY:
        return f"its body is larger than {LARGEST_BODY} bytes"
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as error:
        return f"its body is not JSON: {error}"
    if not (isinstance(read, list) and read[:2] == [[], {}]):
        return "scheduled work takes no arguments"
    [embedded] = read[2:] if len(read[2:]) == 1 else [None]
    if not isinstance(embedded, dict) or any(embedded.get(name) for name in EMBEDDED):
        return "scheduled work is followed by no other"
    return None
