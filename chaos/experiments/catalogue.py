"""The experiments that exist. What is not in here cannot be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from chaos.experiments.declarations import kills, pauses, servers, storms, traffic
from chaos.experiments.experiment import Experiment
from compose.errors import Misuse

__all__ = ["EXPERIMENTS", "Experiment", "experiment", "experiments_on"]


def _collected(declarations: Iterable[Experiment]) -> Mapping[str, Experiment]:
    found: dict[str, Experiment] = {}
    for one in declarations:
        if one.name in found:
            raise ValueError(f"two experiments are called {one.name}")
        found[one.name] = one
    return MappingProxyType(found)


EXPERIMENTS: Final = _collected(
    one for family in (kills, pauses, servers, traffic, storms) for one in family.declared()
)


def experiment(name: str) -> Experiment:
    """The experiment of that name. Raises Misuse with the names there are."""
    try:
        return EXPERIMENTS[name]
    except KeyError:
        raise Misuse(
            f"There is no experiment {name!r}; there is: {', '.join(EXPERIMENTS)}."
        ) from None


def experiments_on(process: str) -> list[Experiment]:
    """What can be done to a process, by the name that the supervisor gives it; storms left out."""
    return [one for one in EXPERIMENTS.values() if process in one.targets and not one.seeded]
