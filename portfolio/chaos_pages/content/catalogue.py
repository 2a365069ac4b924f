"""The catalogue by family, each experiment with the results of its runs so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.experiment import Experiment, Family
from chaos.reports.recoveries import Recovery
from portfolio.chaos_pages.content.strips import Strip, strips

# Each family with its title, its faults, and the module that declares its experiments.
FAMILIES: Final[tuple[tuple[Family, str, str, str], ...]] = (
    (
        Family.KILLS,
        "Killed",
        "SIGKILL to a real process. It gets no time to finish anything.",
        "processes",
    ),
    (
        Family.PAUSES,
        "Paused",
        "SIGSTOP: the process is there, holds its connections, and does nothing.",
        "processes",
    ),
    (Family.BROKER, "Broker", "RabbitMQ runs, and does not do its work.", "servers"),
    (Family.DATABASE, "Databases", "PostgreSQL runs, and is slow, closed or read-only.", "servers"),
    (Family.SECRETS, "Secrets", "Credentials end under load; their server is sealed.", "servers"),
    (
        Family.MESSAGES,
        "Messages",
        "A relay sends messages twice, late, in the wrong order, or such that they cannot apply.",
        "traffic",
    ),
    (
        Family.NETWORK,
        "Network",
        "A link between two parts is cut, slow, or swallows what it is given.",
        "traffic",
    ),
    (Family.LOAD, "Load", "Nothing is broken; there is more to do than usual.", "traffic"),
    (Family.STORM, "Storms", "Several faults at moments drawn from a seed.", "storms"),
)
DECLARED: Final = "chaos.experiments.declarations.{}:declared"
COMPOSED: Final = "chaos.experiments.composed:compose"


@dataclass(frozen=True, slots=True)
class Entry:
    """One experiment as the catalogue lists it."""

    experiment: Experiment
    recovery: Recovery | None
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class Group:
    """One family. `source` is the function that declares its experiments."""

    name: str
    title: str
    words: str
    source: str
    entries: tuple[Entry, ...]


def groups(found: Iterable[Recovery]) -> tuple[Group, ...]:
    """Return all experiments, by family."""
    known = {one.experiment: one for one in found}
    drawn = strips(known.values())
    collected = []
    for family, title, words, module in FAMILIES:
        entries = tuple(
            Entry(one, known.get(one.name), drawn.get(one.name))
            for one in EXPERIMENTS.values()
            if one.family is family
        )
        if entries:
            collected.append(Group(str(family), title, words, DECLARED.format(module), entries))
    return tuple(collected)


def source_of(experiment: Experiment) -> str:
    """Return where an experiment is declared, in the form that the `source` tag takes."""
    if experiment.family is Family.COMPOSED:
        return COMPOSED
    module = next(module for family, _, _, module in FAMILIES if family is experiment.family)
    return DECLARED.format(module)
