"""The latest snapshot, kept in this process's memory by one thread that follows the observer.

    from cluster.health.observer.client import latest

The thread starts with the first call and outlives every death of the observer.
"""

from __future__ import annotations

import http.client
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from cluster.health.observer.snapshot import Snapshot
from config.environment import MissingSetting, observer_url

logger = logging.getLogger(__name__)

FRESH_FOR: Final = 5.0  # seconds; the observer sends a snapshot every second
FIRST_PATIENCE: Final = 0.4  # seconds that the very first call waits for the thread
SILENCE: Final = 3.0  # seconds after which a connection without data is closed
RETRY_AFTER: Final = 0.5  # seconds
DATA: Final = b"data: "

Address = Callable[[], str]

_decoder: Final = msgspec.json.Decoder(Snapshot)


@dataclass(frozen=True, slots=True)
class Received:
    """A snapshot with the bytes it came in, and when it came (monotonic seconds)."""

    snapshot: Snapshot
    encoded: bytes
    arrived: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.arrived <= FRESH_FOR


class Follower:
    """Follows one observer's feed in a daemon thread."""

    def __init__(self, address: Address = observer_url) -> None:
        self._address = address
        self._received: Received | None = None
        self._lock = threading.Lock()
        self._first = threading.Event()
        self._process = 0
        self._trouble = ""
        self._listeners: list[Callable[[], None]] = []

    def received(self) -> Received | None:
        """Return the last snapshot, or None when it is older than FRESH_FOR seconds."""
        self._run_in_this_process()
        found = self._received
        return found if found is not None and found.fresh else None

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` in the thread at each snapshot, and return a function that ends that."""
        self._run_in_this_process()
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _run_in_this_process(self) -> None:
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            # Threads do not survive a fork.
            self._received, self._first = None, threading.Event()
            threading.Thread(target=self._follow, name="observer-follower", daemon=True).start()
            self._process = os.getpid()
        self._first.wait(FIRST_PATIENCE)

    def _follow(self) -> None:
        while True:
            try:
                self._read_feed()
                self._note("it ended the feed")
            except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
                self._note(str(error) or type(error).__name__)
            except MissingSetting as error:
                self._note(str(error))
            except Exception:
                # This thread must outlive a fault of ours: pages rely on it.
                logger.exception("following the observer stumbled")
            time.sleep(RETRY_AFTER)

    def _read_feed(self) -> None:
        parts = urlsplit(self._address())
        connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=SILENCE
        )
        try:
            connection.request("GET", "/feed")
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise http.client.HTTPException(f"it answered with {answer.status}")
            # Server-sent events, each on one line; the end of the feed is an empty read.
            while line := answer.readline():
                if line.startswith(DATA):
                    self._receive(line[len(DATA) :].strip())
        finally:
            connection.close()

    def _receive(self, line: bytes) -> None:
        self._received = Received(_decoder.decode(line), line, time.monotonic())
        if self._trouble:
            logger.info("the observer answers again")
            self._trouble = ""
        self._first.set()
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:
                logger.exception("a listener of the observer's feed failed")

    def _note(self, trouble: str) -> None:
        self._first.set()  # callers need not wait for an observer that is away
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("no snapshot from the observer: %s", trouble)


_follower: Final = Follower()


def follower() -> Follower:
    """Return this process's one follower."""
    return _follower


def latest() -> Snapshot | None:
    """Return the observer's last snapshot, or None while it is away.

    Never raises. Only the first call of a process waits, up to FIRST_PATIENCE seconds.
    """
    found = _follower.received()
    return None if found is None else found.snapshot
