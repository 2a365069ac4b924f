"""The declaration of an experiment: frozen data, checked when it is declared.

The steady-state hypothesis, the method and the blast radius are those of the Principles
of Chaos Engineering (principlesofchaos.org); `chaos/experiments/document.py` writes them
in Chaos Toolkit's format.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cluster.health.armed_faults import LONGEST

RATE: Final = 3.0  # checkouts a second: enough to be in flight, few enough to be drawn
CALM_BEFORE: Final = 1.5  # seconds before the first fault, in which the load begins
LEAST_CALM: Final = 0.3  # seconds of load before the first fault, on a machine that is slow
CALM_AFTER: Final = 3.0  # seconds of load after the recovery
STEADY_WITHIN: Final = 45.0  # seconds for the platform to be steady
ENDED_WITHIN: Final = 150.0  # seconds: the longest deadline, and the compensation after it
REST_WITHIN: Final = 60.0  # seconds for the checkers to find the platform at rest
# An armed fault outlives its planned end by this much, so that the method heals it in time.
GRACE: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Step:
    """One fault of the method.

    `at` counts in seconds from the first injection. `seconds` is the time from the injection
    until the method heals it; None for a fault that is over at once, such as a kill.
    """

    fault: str
    target: str
    seconds: float | None = None
    at: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ends(self) -> float:
        return self.at + (self.seconds or 0.0)

    @property
    def life(self) -> float:
        """The seconds for which it is armed: after them, the watchdog heals it."""
        return LONGEST if self.seconds is None else min(LONGEST, self.seconds + GRACE)


Act = Literal["inject", "heal"]


def timed(steps: Sequence[Step]) -> list[tuple[float, Act, Step]]:
    """Return every injection and every heal with its moment, heals first at equal moments."""
    found: list[tuple[float, Act, Step]] = [(step.at, "inject", step) for step in steps]
    found += [(step.ends, "heal", step) for step in steps if step.seconds is not None]
    return sorted(found, key=lambda one: one[:2])


class Profile(enum.StrEnum):
    """The kinds of load (see `chaos/experiments/load.py`)."""

    STEADY = "steady"  # all of them succeed when nothing fails
    MIXED = "mixed"  # every outcome in turn: declined, sold out, silent and late providers
    RETRY_STORM = "retry-storm"  # the same checkouts again and again, by many threads at once
    FLASH_SALE = "flash-sale"  # many buyers at once, few items
    POISON = "poison"  # the service orders cannot apply the commands of some buyers

    @property
    def is_burst(self) -> bool:
        """True when all of its checkouts are started at once, at full speed."""
        return self in {Profile.RETRY_STORM, Profile.FLASH_SALE}


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
    COMPOSED = "composed"  # of a visitor's choice, none of the catalogue


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


def is_one_sentence(text: str) -> bool:
    """Return whether a text is a single sentence with its full stop."""
    return text.endswith(".") and text[:1].isupper() and ". " not in text
