"""Target health: every process, how it is, when it was last away, how fast it is usually back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from chaos.reports.recoveries import Recovery
from cluster.health.observer.models import Outage
from cluster.health.observer.snapshot import CODES, OutageSpan, Process, Snapshot

Mark = Literal["committed", "failed", "unknown", "in-flight"]

RAILS: Final = tuple(CODES)  # the order in which services stand
KILL: Final = "kill-"  # and the name of the process: an experiment
OF_A_SERVICE: Final = ("worker", "relay", "database")


@dataclass(frozen=True, slots=True)
class LastOutage:
    """When a process was last away; `seconds` is None while it still is."""

    cause: str
    began: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Target:
    """One process of the table. `median` is of kept runs, in seconds; None without one."""

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
    """The processes of each service, and those that all share."""
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
    """The mark that stands for its state, in the shapes of the whole site."""
    if process.healthy is None:
        return "unknown"
    if not process.healthy:
        return "failed"
    return "in-flight" if outage is not None else "committed"


def words_of(process: Process) -> str:
    """Short while it is well, the observer's whole sentence when it is not."""
    if not process.healthy:
        return process.words
    return "works" if process.probe_ms is None else f"answers in {process.probe_ms:.1f} ms"


def medians(found: Iterable[Recovery]) -> dict[str, float]:
    """How long each process is away after it was killed, in the middle of its kept runs."""
    return {
        one.experiment.removeprefix(KILL): one.median
        for one in found
        if one.median is not None and one.experiment.startswith(KILL)
    }


def last_outages() -> dict[str, LastOutage]:
    """The latest outage of each process that ever had one. Raises django.db.Error."""
    newest = Outage.objects.order_by("process", "-began").distinct("process")
    return {
        outage.process: LastOutage(outage.cause, outage.began, outage.seconds) for outage in newest
    }


def _newer(known: LastOutage | None, span: OutageSpan | None) -> LastOutage | None:
    """What the observer sees goes before what it has written down."""
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
