"""The observer's last snapshot as metrics: queues, outboxes, sagas, leases and processes.

A number that could not be read has no sample, which is not the same as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Process, ServiceState, Snapshot, Stream

Number = float | int | None

# For each service: the metric's name, its help text, and the number in the snapshot.
OF_SERVICES: Final[tuple[tuple[str, str, Callable[[ServiceState], Number]], ...]] = (
    ("cluster_queue_messages", "Messages that wait in a service's queues.",
     lambda s: s.queue_depth),
    ("cluster_queue_consumers", "Consumers of a service's queues, as the broker counts them.",
     lambda s: s.queue_consumers),
    ("cluster_outbox_messages", "Messages that wait in a service's outbox.",
     lambda s: s.outbox),
    ("cluster_outbox_age_seconds", "Age of the oldest message in a service's outbox.",
     lambda s: None if s.outbox is None else s.outbox_age_seconds or 0.0),
    ("cluster_parked_messages", "Messages that wait for an earlier one of their aggregate.",
     lambda s: s.parked),
    ("cluster_dead_letters", "Messages that were given up on and not sent again.",
     lambda s: s.dead_letters),
    ("cluster_published_per_second", "Messages that leave a service's outbox, lately.",
     lambda s: s.published_per_second),
    ("cluster_consumed_per_second", "Messages that a service applies, lately.",
     lambda s: s.consumed_per_second),
    ("cluster_queue_stalled_seconds",
     "For how long a queue of a service has not moved while it claims to consume it; 0: all move.",
     lambda s: s.stalled_seconds),
    ("cluster_lease_remaining_seconds", "Time until the login of a service's newest lease ends.",
     lambda s: s.lease.remaining_seconds if s.lease else None),
)  # fmt: skip
OF_PROCESSES: Final[tuple[tuple[str, str, Callable[[Process], Number]], ...]] = (
    ("cluster_process_up", "Whether a process runs.",
     lambda p: None if p.status == "unknown" else float(p.status == "running")),
    ("cluster_process_healthy", "Whether a process does its work.",
     lambda p: None if p.healthy is None else float(p.healthy)),
    ("cluster_process_consuming", "Whether a worker consumes, by its own word and the broker's.",
     lambda p: None if p.consuming is None else float(p.consuming)),
    ("cluster_process_resident_memory_bytes", "Resident memory of a process and its children.",
     lambda p: p.memory_bytes),
)  # fmt: skip
STATES: Final = ("running", "compensating", "completed", "compensated")


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
    services = snapshot.services if snapshot else []
    processes = snapshot.processes if snapshot else []
    yield GaugeMetricFamily(
        "cluster_observed", "Whether the observer has told anything lately.",
        value=float(snapshot is not None),
    )  # fmt: skip
    steady = GaugeMetricFamily("cluster_steady", "Whether every process does its work.")
    if snapshot is not None and snapshot.state != "unknown":
        steady.add_metric([], float(snapshot.state == "steady"))
    yield steady
    for name, words, number in OF_SERVICES:
        family = GaugeMetricFamily(name, words, labels=["service"])
        for service in services:
            _add(family, [service.name], number(service))
        yield family
    yield _deduplicated(services)
    for name, words, of_process in OF_PROCESSES:
        family = GaugeMetricFamily(name, words, labels=["process", "kind"])
        for process in processes:
            _add(family, [process.name, process.kind], of_process(process))
        yield family
    yield _restarts(processes)
    yield _alarm(snapshot)
    yield _sagas(snapshot)
    yield from _journal(snapshot)


def _deduplicated(services: Iterable[ServiceState]) -> Metric:
    family = CounterMetricFamily(
        "cluster_deduplicated_messages",
        "Duplicates that were ignored.",
        labels=["service"],
    )
    for service in services:
        if service.deduplicated is not None:
            family.add_metric([service.name], service.deduplicated)
    return family


def _restarts(processes: Iterable[Process]) -> Metric:
    family = CounterMetricFamily(
        "cluster_process_restarts",
        "How often the supervisor has started a process again.",
        labels=["process", "kind"],
    )
    for process in processes:
        family.add_metric([process.name, process.kind], process.restarts)
    return family


def _alarm(snapshot: Snapshot | None) -> Metric:
    family = GaugeMetricFamily(
        "cluster_broker_alarm", "Whether a memory or disk alarm of the broker blocks publishers."
    )
    if snapshot is not None:
        family.add_metric([], float(snapshot.broker_alarm is not None))
    return family


def _sagas(snapshot: Snapshot | None) -> Metric:
    family = GaugeMetricFamily(
        "cluster_sagas", "Checkouts by their state, counted every ten seconds.", labels=["state"]
    )
    if snapshot is not None and snapshot.sagas is not None:
        for state in STATES:
            family.add_metric([state], getattr(snapshot.sagas, state))
    return family


def _journal(snapshot: Snapshot | None) -> Iterator[Metric]:
    stream = snapshot.stream if snapshot else None
    entries = CounterMetricFamily("cluster_journal_entries", "Messages that the journal has heard.")
    lag = GaugeMetricFamily(
        "cluster_journal_lag_seconds", "How far the journal lately was behind the messages."
    )
    if stream is not None:
        entries.add_metric([], stream.seq)
        _add(lag, [], stream.lag_seconds)
    yield entries
    yield lag
    yield from _admission(stream)


def _admission(stream: Stream | None) -> Iterator[Metric]:
    open_ = GaugeMetricFamily("cluster_checkouts_open", "Checkouts accepted and not ended.")
    limit = GaugeMetricFamily("cluster_checkouts_limit", "How many checkouts may be open.")
    refused = CounterMetricFamily(
        "cluster_checkouts_refused", "Checkouts refused since as many were open as end in time."
    )
    if stream is not None:
        _add(open_, [], stream.open_checkouts)
        _add(limit, [], stream.checkout_limit)
        if stream.refused_checkouts is not None:
            refused.add_metric([], stream.refused_checkouts)
    yield from (open_, limit, refused)


def _add(family: GaugeMetricFamily, labels: list[str], number: Number) -> None:
    if number is not None:
        family.add_metric(labels, float(number))
