"""Composed experiments: one fault on one target, for some seconds, under one kind of load.

The name of such an experiment holds its parts, so a run, an incident or an export that holds
the name holds the whole experiment.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode

from chaos.experiments.declarations.words import COMES_THROUGH
from chaos.experiments.experiment import GRACE, Experiment, Family, Profile, Step
from chaos.faults.processes import SPARED, KillProcess
from chaos.faults.registry import fault_named
from cluster.health.armed_faults import LONGEST
from cluster.health.observer.naming import expected_processes
from compose.errors import Misuse

SHORTEST_FAULT: Final = 1  # seconds
LONGEST_FAULT: Final = int(LONGEST - GRACE)  # seconds; armed for LONGEST
USUAL_SECONDS: Final = 10
# A burst of checkouts is over before a fault of some seconds has begun to matter.
LOADS: Final = tuple(profile for profile in Profile if not profile.is_burst)
MARK: Final = "_"  # between the parts of a name, none of which contains it


@dataclass(frozen=True, slots=True)
class Choice:
    """The parts of a composed experiment. `seconds` is 0 for a fault that is over at once."""

    fault: str
    target: str
    seconds: int
    load: str

    @property
    def name(self) -> str:
        return MARK.join(
            (str(Family.COMPOSED), self.fault, self.target, str(self.seconds), self.load)
        )

    @property
    def parts(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def query(self) -> str:
        """The choice as the query of an address."""
        return urlencode(self.parts)


def choose(fault: str, target: str, seconds: int | None, load: str) -> Choice:
    """Return a choice, which without `seconds` has the usual ones. Raises Misuse."""
    if seconds is None:
        seconds = USUAL_SECONDS if fault_named(fault).lasts else 0
    return Choice(fault, target, seconds, load)


def choice_of(name: str) -> Choice | None:
    """Return the parts that a name holds, or None for another kind of name."""
    family, *parts = name.split(MARK)
    if family != Family.COMPOSED or len(parts) != 4:  # noqa: PLR2004  (the fields of Choice)
        return None
    fault, target, seconds, load = parts
    if not (seconds.isascii() and seconds.isdigit() and seconds == str(int(seconds[:9]))):
        return None
    return Choice(fault, target, int(seconds), load)


def composed(name: str) -> Experiment | None:
    """Return the composed experiment of that name, or None when there can be none."""
    choice = choice_of(name)
    if choice is None:
        return None
    try:
        return compose(choice)
    except Misuse:
        return None


def compose(choice: Choice) -> Experiment:
    """Return the experiment of a choice. Raises Misuse with a sentence on its first wrong part."""
    fault = fault_named(choice.fault)
    fault.check(choice.target, {})
    seconds = _checked_seconds(choice, lasts=fault.lasts)
    load = _checked_load(choice.load)
    reached = fault.reaches(choice.target)
    others = [name for name in expected_processes() if name not in {*reached, *SPARED}]
    for_how_long = "" if seconds is None else f" for {seconds} s"
    return Experiment(
        name=choice.name,
        title=f"{fault.words.title}: {choice.target}{for_how_long}, {load} load",
        family=Family.COMPOSED,
        hypothesis=f"With {fault.name} on {choice.target}{for_how_long}, {COMES_THROUGH}",
        blast_radius="It is not bounded: any process may be away for as long as the fault lasts.",
        watch=fault.words.what,
        targets=reached,
        steps=(Step(fault.name, choice.target, seconds),),
        load=load,
        bystanders=(*others, "unsealer"),
        outage=isinstance(fault, KillProcess),
    )


def _checked_seconds(choice: Choice, *, lasts: bool) -> int | None:
    if not lasts:
        if choice.seconds:
            raise Misuse(f"The fault {choice.fault} is over at once, so its seconds are 0.")
        return None
    if not SHORTEST_FAULT <= choice.seconds <= LONGEST_FAULT:
        raise Misuse(
            f"The fault {choice.fault} lasts from {SHORTEST_FAULT} to {LONGEST_FAULT} seconds."
        )
    return choice.seconds


def _checked_load(name: str) -> Profile:
    found = next((load for load in LOADS if load == name), None)
    if found is None:
        raise Misuse(f"There is no load {name!r}; there is: {', '.join(LOADS)}.")
    return found
