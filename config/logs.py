"""The logging of every process: lines for people, or JSON lines for programs, with trace ids.

LOG_FORMAT is `json` or `line`. By default a process of the platform writes JSON to its log file,
and a command in a terminal lines.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from config import environment

LINE: Final = "{asctime} {levelname} {name} {message}"

CurrentSpan = Callable[[], tuple[str, str] | None]


class _Tracing:
    """The function that returns the span of a line, None until `trace_with` has set one."""

    current_span: CurrentSpan = staticmethod(lambda: None)


def trace_with(current_span: CurrentSpan) -> None:
    """Write the trace id and span id that `current_span` returns into every JSON line."""
    _Tracing.current_span = staticmethod(current_span)


class JsonFormatter(logging.Formatter):
    """A formatter that writes one record as one line, a JSON object."""

    def __init__(self) -> None:
        super().__init__()
        self._process = environment.setting("PROCESS_NAME", "")

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        told: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": self._process or record.processName,
            "pid": record.process,
        }
        span = _Tracing.current_span()
        if span is not None:
            told["trace_id"], told["span_id"] = span
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


class RefusedRequests(logging.Filter):
    """A filter that drops the traceback of a refused request, which shows only our own refusal."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", HTTPStatus.OK)
        refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        if refused or record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
        return True


def formatter() -> logging.Formatter:
    """Return the formatter that the settings ask for."""
    if _wants_json():
        return JsonFormatter()
    return logging.Formatter(LINE, style="{")


def configure() -> None:
    """Log everything from INFO on to standard error, and replace what a library has set up."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _wants_json() -> bool:
    chosen = environment.setting("LOG_FORMAT", "")
    if chosen in ("json", "line"):
        return chosen == "json"
    return bool(os.environ.get("PROCESS_NAME")) and not sys.stderr.isatty()
