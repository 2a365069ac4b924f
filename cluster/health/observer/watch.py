"""One probe in one thread, which asks at its pace and has the state of its target at any time.

A question that has been open for longer than its patience counts as a failure already: a
reader of the state must not wait for the answer of a paused server.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from cluster.health.probes.probe import EVERY, PATIENCE, NothingLearnt, Probe, ProbeFailed, TimedOut
from cluster.health.probes.web import Unwell

logger = logging.getLogger(__name__)

HURRIED: Final = 0.1  # seconds between questions while the target is in an outage


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a target. All moments are seconds of the epoch."""

    answered_at: float | None = None  # when it last answered well
    milliseconds: float | None = None  # how long that took
    failing_since: float | None = None  # when the first question without a good answer was asked
    words: str = ""  # why it fails, or why the question could not be asked
    unwell: bool = False  # it does answer, but reports that it lacks something
    asked_at: float | None = None  # a question that is still open
    blind: bool = False  # the last question could not be asked
    timed_out: bool = False  # it did not refuse, but did not answer in time

    def judged(self, now: float) -> Standing:
        """Return the state with a question that has been open for too long counted as a failure."""
        if self.asked_at is None or now - self.asked_at < PATIENCE:
            return self
        since = self.asked_at if self.failing_since is None else self.failing_since
        return replace(
            self, failing_since=since, words="it does not answer", unwell=False, timed_out=True
        )

    @property
    def healthy(self) -> bool | None:
        if self.failing_since is not None:
            return False
        if self.blind or self.answered_at is None:
            return None
        return True


class Watch:
    """Runs one probe until `stop`. `on_flip` is called when it begins or ceases to fail."""

    def __init__(
        self,
        probe: Probe,
        *,
        on_detail: Callable[[Any], None] | None = None,
        on_flip: Callable[[], None] = lambda: None,
        every: float = EVERY,
    ) -> None:
        self.target = probe.target
        self._probe = probe
        self._on_detail = on_detail
        self._on_flip = on_flip
        self._every = every
        self._standing = Standing()
        self._counts_from = 0.0
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"probe-{self.target}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask no more. The thread is a daemon, so a question that hangs does not delay the exit."""
        self._stopping.set()
        self._hurry.set()

    def hurry(self, wanted: bool) -> None:
        """Ask as often as possible, or at the usual pace again."""
        if wanted:
            self._hurry.set()
        else:
            self._hurry.clear()

    def start_over(self, now: float) -> None:
        """Count silence from `now` on: this process got no time before, or the clock was set."""
        self._counts_from = now
        found = self._standing
        self._standing = replace(
            found,
            answered_at=None if found.answered_at is None else min(found.answered_at, now),
            failing_since=None if found.failing_since is None else now,
            asked_at=None if found.asked_at is None else now,
        )

    def standing(self, now: float) -> Standing:
        return self._standing.judged(now)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            before = self._standing.healthy
            self._ask()
            if self._standing.healthy is not before:
                self._on_flip()
            # At an even pace: a late answer does not delay the next questions.
            due = max(due + self._every, time.monotonic())
            if not self._hurry.is_set():
                self._hurry.wait(due - time.monotonic())
            if self._hurry.is_set():
                self._stopping.wait(HURRIED)
                due = time.monotonic()

    def _ask(self) -> None:
        asked_at = time.time()
        last = self._standing
        self._standing = replace(last, asked_at=asked_at)
        try:
            answer = self._probe.ask()
        except NothingLearnt as error:
            self._learn_nothing(last, str(error))
        except ProbeFailed as error:
            self._fail(last, asked_at, error)
        except Exception as error:
            # A fault of ours: the thread must outlive it, or the target is no longer probed.
            logger.exception("the probe of %s stumbled", self.target)
            self._probe.close()
            self._learn_nothing(last, f"its probe stumbled: {type(error).__name__}")
        else:
            self._standing = Standing(answered_at=time.time(), milliseconds=answer.milliseconds)
            if self._on_detail is not None and answer.detail is not None:
                self._on_detail(answer.detail)

    def _learn_nothing(self, last: Standing, words: str) -> None:
        self._standing = replace(last, asked_at=None, blind=True, failing_since=None, words=words)

    def _fail(self, last: Standing, asked_at: float, error: ProbeFailed) -> None:
        since = asked_at if last.failing_since is None else last.failing_since
        since = min(max(since, self._counts_from), time.time())
        self._standing = Standing(
            answered_at=last.answered_at,
            milliseconds=last.milliseconds,
            failing_since=since,
            words=str(error),
            unwell=isinstance(error, Unwell),
            timed_out=isinstance(error, TimedOut),
        )
