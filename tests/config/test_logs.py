"""A log line is JSON for programs or text for people, and names the trace it belongs to."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from cluster.messaging.envelope import new_message_id
from cluster.tracing.context import (
    RequestSpan,
    current_request,
    current_span_context,
    named_after,
    read,
)
from config.logs import JsonFormatter, formatter

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def record(
    message: str = "%d messages wait", *values: object, failed: bool = False
) -> logging.LogRecord:
    error = None
    if failed:
        try:
            raise ValueError("no")  # noqa: TRY301
        except ValueError:
            error = sys.exc_info()
    return logging.LogRecord(
        "cluster.relay", logging.WARNING, "f.py", 1, message, values or (3,), error
    )


def told(entry: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter().format(entry)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_record_is_one_line_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESS_NAME", "relay-orders")

    line = told(record(failed=True))

    assert str(line["time"]).endswith("Z")
    assert (line["level"], line["logger"], line["process"]) == (
        "WARNING",
        "cluster.relay",
        "relay-orders",
    )
    assert line["message"] == "3 messages wait"
    assert str(line["exception"]).endswith("ValueError: no")
    assert "trace_id" not in line


def test_what_is_logged_in_a_span_names_it() -> None:
    place = named_after(new_message_id())
    token = current_span_context.set(place)
    try:
        line = told(record())
    finally:
        current_span_context.reset(token)

    assert (line["trace_id"], line["span_id"]) == (place.trace_id, place.span_id)


def test_what_is_logged_in_a_request_names_the_trace_that_its_caller_brought() -> None:
    token = current_request.set(RequestSpan(read(HEADER)))
    try:
        line = told(record())
    finally:
        current_request.reset(token)

    assert line["trace_id"] == HEADER[3:35]


def test_a_process_of_the_platform_writes_json_and_a_command_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PROCESS_NAME", raising=False)
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    assert not isinstance(formatter(), JsonFormatter)

    monkeypatch.setenv("PROCESS_NAME", "worker-orders")
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert isinstance(formatter(), JsonFormatter)

    monkeypatch.setenv("LOG_FORMAT", "line")
    assert not isinstance(formatter(), JsonFormatter)
