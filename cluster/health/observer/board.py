"""The board on which the probes' threads put their facts, and from which snapshots are made."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from cluster.health.observer.rates import GrowingTotal, Tally
from cluster.health.probes.broker import Waiting
from cluster.health.probes.database import Depths
from cluster.health.probes.deaths import Death
from cluster.health.probes.usage import Usage
from compose.supervisor import ProcessState

QUEUES_FRESH: Final = 3.0  # seconds
REPORT_FRESH: Final = 2.0  # seconds


@dataclass(slots=True)
class ServiceFacts:
    """The facts of one service's database over time. Moments: seconds of the epoch."""

    depths: Depths | None = None
    told_since: float | None = None  # since when it has answered without a break
    published: GrowingTotal = field(default_factory=GrowingTotal)


class Board:
    """The latest facts of all probes. Thread-safe: a value that was read does not change."""

    def __init__(self, services: tuple[str, ...]) -> None:
        self._lock = Lock()
        self._report: list[ProcessState] | None = None
        self._reported_at = 0.0
        self._usage: Mapping[int, Usage] = {}
        self._waiting: Mapping[str, Waiting] = {}
        self._waiting_at = 0.0
        self._deaths: list[Death] = []
        self.services = {name: ServiceFacts() for name in services}
        self.journal = Tally()

    def note_report(self, report: list[ProcessState]) -> None:
        self._reported_at, self._report = time.time(), report

    def report(self, now: float) -> list[ProcessState] | None:
        """Return the supervisor's last report, or None when it does not answer."""
        return self._report if now - self._reported_at <= REPORT_FRESH else None

    def note_usage(self, usage: Mapping[int, Usage]) -> None:
        self._usage = usage

    def usage(self, pid: int | None) -> Usage | None:
        return None if pid is None else self._usage.get(pid)

    def note_queues(self, waiting: Mapping[str, Waiting]) -> None:
        self._waiting, self._waiting_at = waiting, time.time()

    def queues(self, now: float) -> Mapping[str, Waiting]:
        """Return the queues of each service, empty when the broker has not answered lately."""
        return self._waiting if now - self._waiting_at <= QUEUES_FRESH else {}

    def ready(self, now: float) -> dict[str, int]:
        """Return the number of messages in each queue that no consumer has been given."""
        waiting = self.queues(now).values()
        return {queue: count for found in waiting for queue, count in found.ready.items()}

    def note_depths(self, service: str, depths: Depths) -> None:
        facts = self.services[service]
        with self._lock:
            facts.depths = depths
            facts.told_since = facts.told_since or depths.at
            facts.published.note(depths.at, depths.published)
            if service == "site":
                self.journal.note(depths.at, depths.journalled)

    def note_silence(self, service: str) -> None:
        """Record that the database of this service does not answer."""
        self.services[service].told_since = None

    def catch_up(self, now: float) -> None:
        """Date nothing later than `now`, since the clock was set back."""
        with self._lock:
            self._reported_at = min(self._reported_at, now)
            self._waiting_at = min(self._waiting_at, now)
            for facts in self.services.values():
                if facts.told_since is not None:
                    facts.told_since = min(facts.told_since, now)
                if facts.depths is not None and facts.depths.at > now:
                    facts.depths = None  # the next answer is due within seconds

    def note_deaths(self, deaths: list[Death]) -> None:
        with self._lock:
            self._deaths.extend(deaths)

    def take_deaths(self) -> list[Death]:
        """Return the deaths announced since the last call."""
        with self._lock:
            deaths, self._deaths = self._deaths, []
        return deaths

    def published_per_second(self, service: str) -> float | None:
        with self._lock:
            return self.services[service].published.per_second()

    def journal_rates(self) -> dict[str, float] | None:
        """Return messages a second by type."""
        with self._lock:
            return self.journal.per_second()
