"""The faults on record for a process: its outages, their causes, and the seconds they lasted.

Every outage of the table counts: those that tests and the command line caused, and those
that were not planned.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cluster.health.observer.models import Outage

LATEST: Final = 8  # outages that are listed one by one
MOST: Final = 2_000  # outages that the figures are computed from


@dataclass(frozen=True, slots=True)
class RecordedFault:
    """One cause, how often it was seen, and the seconds until the process was back.

    `median` and `longest` are None while none of them is over.
    """

    process: str
    cause: str
    times: int
    median: float | None
    longest: float | None
    last: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one node: faults by cause, and the latest outages, newest first."""

    faults: tuple[RecordedFault, ...]
    latest: tuple[Outage, ...]


def record_of(processes: Sequence[str]) -> Record:
    """Return the record of some processes. Raises django.db.Error."""
    outages = list(Outage.objects.filter(process__in=processes).order_by("-began")[:MOST])
    by_cause: dict[tuple[str, str], list[Outage]] = defaultdict(list)
    for outage in outages:
        by_cause[outage.process, outage.cause].append(outage)
    faults = [_fault(process, cause, found) for (process, cause), found in by_cause.items()]
    faults.sort(key=lambda fault: fault.last, reverse=True)
    return Record(tuple(faults), tuple(outages[:LATEST]))


def _fault(process: str, cause: str, outages: Sequence[Outage]) -> RecordedFault:
    seconds = [(outage.ended - outage.began).total_seconds() for outage in outages if outage.ended]
    return RecordedFault(
        process,
        cause,
        len(outages),
        statistics.median(seconds) if seconds else None,
        max(seconds, default=None),
        max(outage.began for outage in outages),
    )
