"""The catalogue of experiments. No caller can ask for one outside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from chaos.experiments.declarations import processes, servers, storms, traffic
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
    one for family in (processes, servers, traffic, storms) for one in family.declared()
)


def experiment(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises Misuse with the known names.
    """
    try:
        return EXPERIMENTS[name]
    except KeyError:
        raise Misuse(
            f"There is no experiment {name!r}; there is: {', '.join(EXPERIMENTS)}."
        ) from None


def experiments_on(process: str) -> list[Experiment]:
    """Return the experiments on a process of the supervisor's name, without storms."""
    return [one for one in EXPERIMENTS.values() if process in one.targets and not one.seeded]
