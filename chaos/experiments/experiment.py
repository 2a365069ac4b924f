"""The declaration of an experiment: frozen data, checked when it is declared.

The steady-state hypothesis, the method and the blast radius are those of the Principles
of Chaos Engineering (principlesofchaos.org); `chaos/experiments/document.py` writes them
in Chaos Toolkit's format.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from chaos.experiments import document
from chaos.experiments.method import GRACE, Profile, Step
from cluster.health.armed_faults import LONGEST


class Family(enum.StrEnum):
    """The groups of the catalogue."""

    KILLS = "kills"
    PAUSES = "pauses"
    BROKER = "broker"
    DATABASE = "database"
    SECRETS = "secrets"
    MESSAGES = "messages"
    NETWORK = "network"
    LOAD = "load"
    STORM = "storm"


@dataclass(frozen=True, slots=True)
class AbortConditions:
    """The limits at which the method is cut short and everything is healed at once.

    `unfinished`: more checkouts than this have not ended. `degraded_seconds`: the platform
    has not been steady for longer than this after the last fault or heal. An operator can cut
    a run short too.
    """

    unfinished: int = 600
    degraded_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One thing to break, and the expected behaviour of the platform meanwhile.

    `hypothesis`, `blast_radius` and `watch` are one sentence each: the property that holds,
    the users who may notice, and the thing to watch. `targets` are the processes that a fault
    reaches; outages of these and of `bystanders` are expected, any other is a deviation.
    `outage`: the observer must see an outage. `seeded`: its steps are drawn from a seed.
    """

    name: str
    title: str
    family: Family
    hypothesis: str
    blast_radius: str
    watch: str
    targets: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    load: Profile = Profile.STEADY
    abort: AbortConditions = AbortConditions()
    bystanders: tuple[str, ...] = ()
    outage: bool = False
    seeded: bool = False

    def __post_init__(self) -> None:
        for sentence in (self.hypothesis, self.blast_radius, self.watch):
            if not is_one_sentence(sentence):
                raise ValueError(f"{self.name}: not one sentence: {sentence!r}")
        if not self.targets:
            raise ValueError(f"{self.name}: it reaches no process")
        if not (self.steps or self.seeded or self.family is Family.LOAD):
            raise ValueError(f"{self.name}: it breaks nothing")
        if any(step.ends + GRACE > LONGEST for step in self.steps):
            raise ValueError(f"{self.name}: it lasts longer than {LONGEST - GRACE:.0f} s")

    @property
    def process(self) -> str:
        """The process that it is mostly about."""
        return self.targets[0]

    @property
    def fault(self) -> str:
        """The name of its first fault, or "storm", or its kind of load."""
        if self.seeded:
            return "storm"
        return self.steps[0].fault if self.steps else str(self.load)

    def document(self, seed: int | None = None, *, rate: float | None = None) -> dict[str, Any]:
        """Return the experiment in Chaos Toolkit's format, with seed 0 for None if it is seeded."""
        return document.write(self, seed=seed, rate=rate)


def is_one_sentence(text: str) -> bool:
    """Return whether a text is a single sentence with its full stop."""
    return text.endswith(".") and text[:1].isupper() and ". " not in text
