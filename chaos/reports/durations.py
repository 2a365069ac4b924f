"""Typical seconds of a run from its beginning to its record, measured from ended runs."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chaos.experiments.models import ExperimentRun

LATEST: Final = 200  # runs that the medians are made of
UNMEASURED: Final = 45.0  # seconds, until a run has been measured


@dataclass(frozen=True, slots=True)
class Typical:
    """Medians in seconds, by experiment."""

    by_experiment: Mapping[str, float]
    overall: float

    def of(self, experiment: str) -> float:
        return self.by_experiment.get(experiment, self.overall)


def typical_seconds() -> Typical:
    """Return the medians of the latest runs, in seconds, or raise django.db.Error."""
    ended = ExperimentRun.objects.filter(
        state=ExperimentRun.ENDED, began_at__isnull=False, ended_at__isnull=False
    ).order_by("-asked_at")
    found: dict[str, list[float]] = defaultdict(list)
    for name, began, end in ended.values_list("experiment", "began_at", "ended_at")[:LATEST]:
        if began is not None and end is not None:  # for the type checker: the filter says so
            found[name].append((end - began).total_seconds())
    every = [seconds for one in found.values() for seconds in one]
    return Typical(
        {name: statistics.median(seconds) for name, seconds in found.items()},
        statistics.median(every) if every else UNMEASURED,
    )
