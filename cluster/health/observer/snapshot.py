"""The observer's snapshot: one document, the same for Python, `/status.json` and browsers.

Times of day are ISO 8601 in UTC. A number that is None could not be measured, which is
not the same as 0.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from cluster.health.armed_faults import ArmedFault
from cluster.health.progress import Stalled
from cluster.health.running_experiment import RunningExperiment

State = Literal["steady", "degraded", "unknown"]
ProcessStatus = Literal["running", "stopped", "starting", "paused", "unknown"]
Kind = Literal[
    "worker",
    "relay",
    "database",
    "broker",
    "cache",
    "secrets",
    "web",
    "gateway",
    "provider",
    "beat",
    "observer",
    "watchdog",
    "runner",
    "other",
]


class Process(Struct, frozen=True, kw_only=True):
    """One process of the platform.

    `healthy` is None until a probe or heartbeat has answered, and `words` give the reason for
    its value. `consuming` is only for workers. `age_seconds` counts from its start, `probe_ms` is
    its last answer's time. `cpu_percent` is of one core, and like `memory_bytes` (resident)
    covers its children.
    """

    name: str
    kind: Kind
    service: str | None
    status: ProcessStatus
    healthy: bool | None
    words: str
    pid: int | None = None
    age_seconds: float | None = None
    restarts: int = 0
    consuming: bool | None = None
    probe_ms: float | None = None
    cpu_percent: float | None = None
    memory_bytes: int | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """The newest login that Vault made for a service. `sessions` are open with it now."""

    role: str
    remaining_seconds: float
    sessions: int


class ServiceState(Struct, frozen=True, kw_only=True):
    """One service: the messages in its outbox and its queue, and its flow in messages a second."""

    name: str
    code: str
    healthy: bool | None
    outbox: int | None = None
    outbox_age_seconds: float | None = None
    parked: int | None = None
    dead_letters: int | None = None
    deduplicated: int | None = None
    queue_depth: int | None = None
    queue_consumers: int | None = None
    published_per_second: float | None = None
    consumed_per_second: float | None = None
    lease: Lease | None = None
    stalled_seconds: float | None = None  # for how long a queue of it has not moved; 0: all move


class Sagas(Struct, frozen=True, kw_only=True):
    """The number of sagas in each state."""

    running: int
    compensating: int
    completed: int
    compensated: int


class Stream(Struct, frozen=True, kw_only=True):
    """The journal: its last seq, and how far it lately was behind the messages (median)."""

    seq: int
    lag_seconds: float | None
    # Checkouts that are open, that may be, and that have been refused because of the limit.
    open_checkouts: int | None = None
    checkout_limit: int | None = None
    refused_checkouts: int | None = None


class Rates(Struct, frozen=True, kw_only=True):
    """Over the last ten seconds, from the journal: all messages, ended checkouts, and by type."""

    messages_per_second: float
    checkouts_per_second: float
    by_type: dict[str, float] = {}


class Link(Struct, frozen=True, kw_only=True):
    """The flow from one part to another, in messages a second."""

    source: str
    target: str
    per_second: float | None


class OutageSpan(Struct, frozen=True, kw_only=True):
    """A time in which a process was not there or did not answer. Open while `ended` is None."""

    id: str
    process: str
    service: str | None
    cause: str
    began: str
    ended: str | None = None
    seconds: float | None = None


class Backups(Struct, frozen=True, kw_only=True):
    """The backups of the platform: ages in seconds, and what is wrong, in words for everybody."""

    age_seconds: float | None
    archived_seconds: float | None  # since the last archived WAL
    verified: bool
    troubles: list[str] = []


class Snapshot(Struct, frozen=True, kw_only=True):
    """All that the observer knows at one moment."""

    at: str
    state: State
    words: str
    troubles: list[str]
    processes: list[Process]
    services: list[ServiceState]
    sagas: Sagas | None = None
    stream: Stream | None = None
    rates: Rates | None = None
    links: list[Link]
    outages: list[OutageSpan]
    up_since: str | None = None
    revision: str | None = None
    experiment: RunningExperiment | None = None
    faults: list[ArmedFault] = []
    # For how long a message to the broker has waited for its confirm; None: it confirms, or
    # cannot be asked.
    unconfirmed_seconds: float | None = None
    stalls: list[Stalled] = []
    broker_alarm: str | None = None  # why the broker blocks publishers, in its own words
    unreadable: str = ""  # why the stream's newest entries cannot be read; empty when they can
    backups: Backups | None = None  # None for a platform that is not backed up

    def process(self, name: str) -> Process | None:
        """Return the process of this name, or None."""
        return next((found for found in self.processes if found.name == name), None)

    def service(self, name: str) -> ServiceState | None:
        """Return the service of this name, or None."""
        return next((found for found in self.services if found.name == name), None)

    @property
    def open_outages(self) -> list[OutageSpan]:
        """The outages that are not over yet."""
        return [outage for outage in self.outages if outage.ended is None]


def iso(moment: float) -> str:
    """Return seconds of the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
