"""Spans, and the recorder, which moves them from working threads to an exporting thread of its own.

That thread alone loads OpenTelemetry, when the first sampled span has come: importing it takes a
tenth of a second, which a restarted worker does not have. No call waits or raises: when the queue
is full, or the receivers are away, spans are lost and nothing else.
"""

from __future__ import annotations

import atexit
import enum
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 2_000  # batches; a new one pushes the oldest out of a full queue
# Batches come in bursts: one turn of the thread for each burst, not for each batch.
GATHER: Final = 0.2  # seconds
# A process that has just begun needs its time for its own start, not for this import.
SETTLE: Final = 1.0  # seconds
PARTING: Final = 2.0  # seconds that a process waits for its last spans at its end

AttributeValue = str | int | float | bool


class Kind(enum.IntEnum):
    """OpenTelemetry's kinds, by the numbers of its SDK."""

    INTERNAL = 0
    SERVER = 1
    CLIENT = 2
    PRODUCER = 3
    CONSUMER = 4


class Span(NamedTuple):
    """One piece of work: its trace, its parent span, its start and end (ns of the epoch).

    OpenTelemetry's SDK makes its own span of it at the export.
    """

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str | None
    start: int
    end: int
    attributes: Mapping[str, AttributeValue]
    error: str = ""


# Called in the recorder's thread, so that building attributes is not the worker's time.
Build = Callable[[], Iterable[Span]]


class Recorder:
    """This process's queue, and the thread that empties it."""

    def __init__(self) -> None:
        self._waiting: deque[Build] = deque(maxlen=MOST_WAITING)
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._done = threading.Event()
        self._leaving = threading.Event()
        self._process = 0

    def put(self, build: Build) -> None:
        self._waiting.append(build)
        if self._process != os.getpid():
            self._start()
        self._news.set()

    def close(self) -> None:
        """Let the thread send the spans that wait, for at most PARTING seconds."""
        if self._process != os.getpid() or self._leaving.is_set():
            return
        self._leaving.set()
        self._news.set()
        self._done.wait(PARTING)

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()  # threads do not survive a fork
            self._news, self._done = threading.Event(), threading.Event()
            threading.Thread(target=self._run, name="spans", daemon=True).start()
            atexit.register(self.close)

    def _run(self) -> None:
        try:
            leaving = self._leaving.wait(SETTLE)
            from cluster.tracing.export import Exporters

            # A process that ends can start no more threads.
            exporters = Exporters(in_batches=not leaving)
            while not self._leaving.is_set():
                self._news.wait()
                self._news.clear()
                self._leaving.wait(GATHER)
                self._empty(exporters.export)
            self._empty(exporters.export)
            exporters.close()
        except Exception:
            logger.exception("no more spans from this process")
        finally:
            self._done.set()

    def _empty(self, export: Callable[[Span], None]) -> None:
        while self._waiting:
            try:
                for span in self._waiting.popleft()():
                    export(span)
            except Exception:
                # For example a message with invalid ids, which has been processed all the same.
                logger.debug("a span cannot be made", exc_info=True)


_recorder: Final = Recorder()


def record(build: Build) -> None:
    """Queue the spans that `build` makes for export, without waiting or raising."""
    _recorder.put(build)
