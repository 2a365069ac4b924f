"""The restart of a broker that runs and confirms nothing: it is killed and started again.

After a disk was full RabbitMQ's quorum log can be dead while the broker runs on:
connections stay open, queues answer, and no publisher gets a confirm again. Nothing is
lost, since every message waits in its outbox, but no message moves until the broker is
restarted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from chaos.faults.engine import Engine
from cluster.health.armed_faults import ArmedFaults
from cluster.health.observer.snapshot import Snapshot

BROKER: Final = "rabbitmq"
NAME: Final = "confirms-nothing"  # its name in the log of heals
# Twice as long as a relay waits for a confirm before it connects again.
SILENT_FOR: Final = 16.0  # seconds
# The pause between two restarts, each of which costs about ten seconds, if one does not help.
REST: Final = 300.0  # seconds
log = logging.getLogger("watchdog")


@dataclass(frozen=True, slots=True)
class Signs:
    """The observer's data on the broker, in seconds, with None for an unknown value.

    `answers`: its queues answer; `unconfirmed`: the time for which a message of the
    observer's own has waited for its confirm; `waiting`: the age of the oldest row in any
    outbox; `broken`: a fault or an experiment is in force; `ran`: the time for which the
    broker has run since it was last seen not to.
    """

    answers: bool
    unconfirmed: float | None
    waiting: float | None
    broken: bool
    ran: float = inf


def signs_of(snapshot: Snapshot) -> Signs:
    """Return the signs in a snapshot."""
    broker = snapshot.process(BROKER)
    ages = [one.outbox_age_seconds for one in snapshot.services]
    return Signs(
        answers=broker is not None and broker.status in ("running", "unknown"),
        unconfirmed=snapshot.unconfirmed_seconds,
        waiting=max((age for age in ages if age is not None), default=None),
        broken=bool(snapshot.faults or snapshot.experiment),
    )


def is_stuck(signs: Signs) -> bool:
    """Return whether the broker runs, and confirms no message of the relays or the observer.

    Silence counts from when it last ran: a broker that was paused could confirm nothing.
    """
    if signs.broken or not signs.answers or signs.ran < SILENT_FOR:
        return False
    return (signs.unconfirmed or 0.0) >= SILENT_FOR and (signs.waiting or 0.0) >= SILENT_FOR


class StuckBroker:
    """Reads snapshots, and restarts a stuck broker at most once in REST seconds."""

    def __init__(
        self,
        armed: ArmedFaults,
        engine: Engine | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._armed = armed
        self._engine = engine
        self._clock = clock
        self._ran_since: float | None = -inf  # None: it did not run when it was last seen
        self._restarted_at: float | None = None  # monotonic seconds

    def look(self, snapshot: Snapshot | None) -> bool:
        """Kill the broker if it is stuck, and return whether it was killed.

        Raises the errors of its driver.
        """
        now = self._clock()
        if snapshot is None:
            return False
        signs = signs_of(snapshot)
        signs = replace(signs, ran=self._ran(signs.answers, now))
        if not is_stuck(signs) or self._armed.all():
            return False
        if self._restarted_at is not None and now - self._restarted_at < REST:
            return False
        self._restarted_at = now
        engine = self._engine or Engine()
        # Killed, not stopped: a stop waits for the dead log, and does not end.
        done = engine.driver.kill(BROKER)
        words = f"it confirmed nothing for {snapshot.unconfirmed_seconds or 0:.0f} s; {done}"
        log.warning("%s: %s", BROKER, words)
        engine.healed.note_repair(fault=NAME, target=BROKER, words=words)
        return True

    def _ran(self, answers: bool, now: float) -> float:
        """Return the seconds for which the broker has run since it was seen paused or away."""
        if not answers:
            self._ran_since = None
            return 0.0
        if self._ran_since is None:
            self._ran_since = now
        return now - self._ran_since
