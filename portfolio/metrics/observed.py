"""The observer's last snapshot as metrics: queues, outboxes, sagas, leases and processes.

A number that could not be read has no sample, which is not the same as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Backups, Process, ServiceState, Snapshot, Stream

Number = float | int | None
Family = type[GaugeMetricFamily | CounterMetricFamily]
GAUGE, COUNTER = GaugeMetricFamily, CounterMetricFamily

# Each metric: its kind, its name, its help text, and the number in a part of the snapshot.
OF_SERVICES: Final[tuple[tuple[Family, str, str, Callable[[ServiceState], Number]], ...]] = (
    (GAUGE, "cluster_queue_messages", "Messages that wait in a service's queues.",
     lambda s: s.queue_depth),
    (GAUGE, "cluster_queue_consumers",
     "Consumers of a service's queues, as the broker counts them.",
     lambda s: s.queue_consumers),
    (GAUGE, "cluster_outbox_messages", "Messages that wait in a service's outbox.",
     lambda s: s.outbox),
    (GAUGE, "cluster_outbox_age_seconds", "Age of the oldest message in a service's outbox.",
     lambda s: None if s.outbox is None else s.outbox_age_seconds or 0.0),
    (GAUGE, "cluster_parked_messages", "Messages that wait for an earlier one of their aggregate.",
     lambda s: s.parked),
    (GAUGE, "cluster_dead_letters", "Messages that were given up on and not sent again.",
     lambda s: s.dead_letters),
    (GAUGE, "cluster_published_per_second", "Messages that leave a service's outbox, lately.",
     lambda s: s.published_per_second),
    (GAUGE, "cluster_consumed_per_second", "Messages that a service applies, lately.",
     lambda s: s.consumed_per_second),
    (GAUGE, "cluster_queue_stalled_seconds",
     "For how long a queue of a service has not moved while it claims to consume it; 0: all move.",
     lambda s: s.stalled_seconds),
    (GAUGE, "cluster_lease_remaining_seconds",
     "Time until the login of a service's newest lease ends.",
     lambda s: s.lease.remaining_seconds if s.lease else None),
    (COUNTER, "cluster_deduplicated_messages", "Duplicates that were ignored.",
     lambda s: s.deduplicated),
)  # fmt: skip
OF_PROCESSES: Final[tuple[tuple[Family, str, str, Callable[[Process], Number]], ...]] = (
    (GAUGE, "cluster_process_up", "Whether a process runs.",
     lambda p: None if p.status == "unknown" else p.status == "running"),
    (GAUGE, "cluster_process_healthy", "Whether a process does its work.",
     lambda p: p.healthy),
    (GAUGE, "cluster_process_consuming",
     "Whether a worker consumes, by its own word and the broker's.",
     lambda p: p.consuming),
    (GAUGE, "cluster_process_resident_memory_bytes",
     "Resident memory of a process and its children.",
     lambda p: p.memory_bytes),
    (COUNTER, "cluster_process_restarts", "How often the supervisor has started a process again.",
     lambda p: p.restarts),
)  # fmt: skip
OF_SNAPSHOT: Final[tuple[tuple[Family, str, str, Callable[[Snapshot], Number]], ...]] = (
    (GAUGE, "cluster_steady", "Whether every process does its work.",
     lambda s: None if s.state == "unknown" else s.state == "steady"),
    (GAUGE, "cluster_broker_alarm",
     "Whether a memory or disk alarm of the broker blocks publishers.",
     lambda s: s.broker_alarm is not None),
)  # fmt: skip
OF_BACKUPS: Final[tuple[tuple[Family, str, str, Callable[[Backups], Number]], ...]] = (
    (GAUGE, "cluster_backup_age_seconds", "Age of the newest base backup.",
     lambda b: b.age_seconds),
    (GAUGE, "cluster_backup_archived_seconds", "Time since changes were last backed up.",
     lambda b: b.archived_seconds),
    (GAUGE, "cluster_backup_verified", "Whether a restore of the newest base backup was verified.",
     lambda b: b.verified),
    (GAUGE, "cluster_backup_troubles", "How many things are wrong with the backups.",
     lambda b: len(b.troubles)),
)  # fmt: skip
OF_STREAM: Final[tuple[tuple[Family, str, str, Callable[[Stream], Number]], ...]] = (
    (COUNTER, "cluster_journal_entries", "Messages that the journal has heard.",
     lambda s: s.seq),
    (GAUGE, "cluster_journal_lag_seconds", "How far the journal lately was behind the messages.",
     lambda s: s.lag_seconds),
    (GAUGE, "cluster_checkouts_open", "Checkouts accepted and not ended.",
     lambda s: s.open_checkouts),
    (GAUGE, "cluster_checkouts_limit", "How many checkouts may be open.",
     lambda s: s.checkout_limit),
    (COUNTER, "cluster_checkouts_refused",
     "Checkouts refused since as many were open as end in time.",
     lambda s: s.refused_checkouts),
)  # fmt: skip
STATES: Final = ("running", "compensating", "completed", "compensated")

Part = TypeVar("Part")


class ObservedMetrics(Collector):
    """The collector that reads the snapshot at each scrape. Tests replace `look`."""

    def __init__(self, look: Callable[[], Snapshot | None] = latest) -> None:
        self._look = look

    def describe(self) -> Iterable[Metric]:
        """Return all metrics, without samples."""
        return families(None)

    def collect(self) -> Iterable[Metric]:
        return families(self._look())


def families(snapshot: Snapshot | None) -> Iterator[Metric]:
    """Yield every metric of the cluster, with the samples that the snapshot has for it."""
    services = [((one.name,), one) for one in snapshot.services] if snapshot else []
    processes = [((one.name, one.kind), one) for one in snapshot.processes] if snapshot else []
    stream = snapshot.stream if snapshot else None
    backups = snapshot.backups if snapshot else None
    yield GaugeMetricFamily(
        "cluster_observed", "Whether the observer has told anything lately.",
        value=float(snapshot is not None),
    )  # fmt: skip
    yield from _of(OF_SNAPSHOT, [((), snapshot)] if snapshot else [])
    yield from _of(OF_BACKUPS, [((), backups)] if backups else [])
    yield from _of(OF_SERVICES, services, "service")
    yield from _of(OF_PROCESSES, processes, "process", "kind")
    yield _sagas(snapshot)
    yield from _of(OF_STREAM, [((), stream)] if stream else [])


def _of(
    metrics: Iterable[tuple[Family, str, str, Callable[[Part], Number]]],
    parts: Sequence[tuple[Sequence[str], Part]],
    *labels: str,
) -> Iterator[Metric]:
    """Yield the metrics with a sample for each part, by the values of its labels."""
    for kind, name, words, number in metrics:
        family = kind(name, words, labels=labels)
        for values, part in parts:
            found = number(part)
            if found is not None:
                family.add_metric(values, float(found))
        yield family


def _sagas(snapshot: Snapshot | None) -> Metric:
    family = GaugeMetricFamily(
        "cluster_sagas", "Checkouts by their state, counted every ten seconds.", labels=["state"]
    )
    if snapshot is not None and snapshot.sagas is not None:
        for state in STATES:
            family.add_metric([state], getattr(snapshot.sagas, state))
    return family
