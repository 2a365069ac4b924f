"""The catalogue of experiments, and the composed ones. No caller can ask for any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from chaos.experiments.composed import composed
from chaos.experiments.declarations import processes, servers, storms, traffic
from chaos.experiments.experiment import Experiment
from compose.errors import Misuse

__all__ = ["EXPERIMENTS", "Experiment", "experiment", "experiments_on", "find", "title_of"]


def _collected(declarations: Iterable[Experiment]) -> Mapping[str, Experiment]:
    found: dict[str, Experiment] = {}
    for one in declarations:
        if one.name in found:
            raise ValueError(f"two experiments are called {one.name}")
        found[one.name] = one
    return MappingProxyType(found)


EXPERIMENTS: Final = _collected(
    one for family in (processes, servers, traffic, storms) for one in family.declared()
)


def find(name: str) -> Experiment | None:
    """Return the experiment of that name, of the catalogue or composed, or None."""
    return EXPERIMENTS.get(name) or composed(name)


def experiment(name: str) -> Experiment:
    """Return the experiment of that name, of the catalogue or composed.

    Raises Misuse with the names of the catalogue.
    """
    found = find(name)
    if found is None:
        raise Misuse(f"There is no experiment {name!r}; there is: {', '.join(EXPERIMENTS)}.")
    return found


def title_of(name: str) -> str:
    """Return the title of that experiment, or its name when there is none of that name any more."""
    found = find(name)
    return found.title if found else name


def experiments_on(process: str) -> list[Experiment]:
    """Return the experiments on a process of the supervisor's name, without storms."""
    return [one for one in EXPERIMENTS.values() if process in one.targets and not one.seeded]
