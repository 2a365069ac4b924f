"""Times to recover of every experiment over all kept runs, and the incident to show first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chaos.experiments.catalogue import EXPERIMENTS, find
from chaos.experiments.experiment import Experiment, Family
from chaos.experiments.models import Incident

# Aims for the median from a kill to the steady state, in seconds.
AIMS: Final[Mapping[str, float]] = {
    "kill-web": 3.0,
    "kill-redis": 3.0,
    "kill-openbao": 5.0,
    "kill-rabbitmq": 15.0,
}
AIM_OF_DATABASES: Final = 8.0
AIM_OF_SERVICES: Final = 3.0

# The experiments with the clearest records: deaths that affect every service.
DRAMATIC: Final = ("kill-rabbitmq", "kill-postgres-checkout", "kill-postgres-payments",
                   "kill-postgres-orders", "kill-postgres-catalog", "kill-postgres-identity",
                   "kill-postgres-site")  # fmt: skip
MOST_COMPOSED: Final = 20  # composed experiments that are reported on
LOOKED_AT: Final = 50  # incidents, whose documents are large


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One experiment over all its kept runs, with seconds from injection to steady state.

    `values` are all of them, oldest first, for a distribution strip; the figures are None
    until a run has recovered. `aim` is the aim for the median, where one is set.
    """

    experiment: str
    title: str
    family: Family
    runs: int
    passed: int
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    longest: float | None
    values: tuple[float, ...]
    aim: float | None


def recoveries() -> list[Recovery]:
    """Return every experiment that was run here, in the catalogue's order, then the composed ones.

    Of the composed ones, of which there may be thousands, those that were run last. Raises
    django.db.Error.
    """
    found: dict[str, list[tuple[bool, float | None]]] = {}  # the one that was run last is last
    rows = Incident.objects.filter(origin="").order_by("recorded_at")
    for name, passed, seconds in rows.values_list("experiment", "passed", "recover_seconds"):
        found[name] = [*found.pop(name, []), (passed, seconds)]
    known = [one for name, one in EXPERIMENTS.items() if name in found]
    others = (find(name) for name in reversed(found) if name not in EXPERIMENTS)
    composed = [one for one in others if one is not None]
    return [_recovery(one, found[one.name]) for one in [*known, *composed[:MOST_COMPOSED]]]


def latest_interesting() -> Incident | None:
    """Return the incident that pages show first, or None when there is none.

    It is a death of the broker or of a database that the platform survived, if possible with
    compensated checkouts, else the latest incident without a deviation. Incidents recorded
    here come before those recorded elsewhere. Raises django.db.Error.
    """
    passed = Incident.objects.filter(passed=True)
    dramatic = passed.filter(experiment__in=DRAMATIC)
    recent = dramatic.order_by("-recorded_at").values("id")[:LOOKED_AT]
    turned_round = dramatic.filter(id__in=recent, document__figures__compensated__gt=0)
    for choice in (turned_round, dramatic, passed):
        found = choice.order_by("origin", "-recorded_at").first()
        if found is not None:
            return found
    return None


def aim_of(experiment: Experiment) -> float | None:
    """Return the aim for the median in seconds, or None where none is set."""
    if experiment.family is not Family.KILLS:
        return None
    if experiment.process.startswith("postgres-"):
        return AIM_OF_DATABASES
    return AIMS.get(experiment.name, AIM_OF_SERVICES)


def _recovery(experiment: Experiment, runs: list[tuple[bool, float | None]]) -> Recovery:
    values = tuple(seconds for _, seconds in runs if seconds is not None)
    lower, median, upper = _quartiles(values)
    return Recovery(
        experiment=experiment.name,
        title=experiment.title,
        family=experiment.family,
        runs=len(runs),
        passed=sum(passed for passed, _ in runs),
        median=median,
        lower_quartile=lower,
        upper_quartile=upper,
        longest=max(values, default=None),
        values=values,
        aim=aim_of(experiment),
    )


def _quartiles(values: tuple[float, ...]) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    if len(values) == 1:
        return values[0], values[0], values[0]
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, median, upper
