"""Target health: each process with its state, its last outage and its median time to recover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from chaos.reports.recoveries import Recovery
from cluster.health.observer.models import Outage
from cluster.health.observer.snapshot import OutageSpan, Process, Snapshot
from cluster.storefront.events import CODES

Mark = Literal["committed", "failed", "unknown", "in-flight"]

RAILS: Final = tuple(CODES)  # the order of the services
KILL: Final = "kill-"  # followed by the name of a process: the name of an experiment
OF_A_SERVICE: Final = ("worker", "relay", "database")


@dataclass(frozen=True, slots=True)
class LastOutage:
    """The last outage of a process. `seconds` is None while it lasts."""

    cause: str
    began: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Target:
    """One process of the table. `median` is in seconds over kept runs, None without a run."""

    name: str
    mark: Mark
    words: str
    last: LastOutage | None
    median: float | None


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A part of the table with its caption."""

    caption: str
    targets: tuple[Target, ...]


def target_groups(
    snapshot: Snapshot, last: Mapping[str, LastOutage], medians: Mapping[str, float]
) -> tuple[TargetGroup, ...]:
    """Return the processes of the services, and the processes that all services share."""
    spans = {span.process: span for span in snapshot.outages if span.ended is None}
    targets = {
        process.name: Target(
            name=process.name,
            mark=mark_of(process, spans.get(process.name)),
            words=words_of(process),
            last=_newer(last.get(process.name), spans.get(process.name)),
            median=medians.get(process.name),
        )
        for process in snapshot.processes
    }
    own = list(_of_services(snapshot.processes))
    shared = [name for name in targets if name not in own]
    return (
        TargetGroup("Of one service", tuple(targets[name] for name in own)),
        TargetGroup("Shared, and at the edge", tuple(targets[name] for name in shared)),
    )


def mark_of(process: Process, outage: OutageSpan | None) -> Mark:
    """Return the mark of the process's state, in the shapes of the whole site."""
    if process.healthy is None:
        return "unknown"
    if not process.healthy:
        return "failed"
    return "in-flight" if outage is not None else "committed"


def words_of(process: Process) -> str:
    """Return a few words for a healthy process, else the observer's whole sentence."""
    if not process.healthy:
        return process.words
    return "works" if process.probe_ms is None else f"answers in {process.probe_ms:.1f} ms"


def medians(found: Iterable[Recovery]) -> dict[str, float]:
    """Return each process's median seconds from its kill to recovery, over its kept runs."""
    return {
        one.experiment.removeprefix(KILL): one.median
        for one in found
        if one.median is not None and one.experiment.startswith(KILL)
    }


def last_outages() -> dict[str, LastOutage]:
    """Return the latest outage of each process that ever had one. Raises django.db.Error."""
    newest = Outage.objects.order_by("process", "-began").distinct("process")
    return {
        outage.process: LastOutage(outage.cause, outage.began, outage.seconds) for outage in newest
    }


def _newer(known: LastOutage | None, span: OutageSpan | None) -> LastOutage | None:
    """Return the outage that the observer sees now, or else the last recorded one."""
    if span is None:
        return known
    return LastOutage(span.cause, datetime.fromisoformat(span.began), None)


def _of_services(processes: Sequence[Process]) -> Iterator[str]:
    for service in RAILS:
        for kind in OF_A_SERVICE:
            yield from (
                process.name
                for process in processes
                if process.service == service and process.kind == kind
            )
