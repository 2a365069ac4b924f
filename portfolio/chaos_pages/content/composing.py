"""The form that composes an experiment: its lists, and the choice that an address makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chaos.experiments.catalogue import Experiment
from chaos.experiments.composed import (
    LONGEST_FAULT,
    SHORTEST_FAULT,
    USUAL_SECONDS,
    Choice,
    choice_of,
    choose,
    compose,
)
from chaos.experiments.experiment import Profile
from chaos.faults.fault import Fault
from chaos.faults.registry import FAULTS, fault_named
from compose.errors import Misuse
from portfolio.api.page import shell_line

RUNS: Final = "/api/v1/experiments/{}/runs"
LONGEST_NUMBER: Final = 4  # digits
NO_NUMBER: Final = "The seconds must be a whole number."
# Each load that a composed experiment can have, in words.
LOADS: Final[Mapping[Profile, str]] = {
    Profile.STEADY: "Steady: every checkout would complete",
    Profile.MIXED: "Mixed: declined, sold out, and late or silent providers too",
    Profile.POISON: "Poison: every fifth buyer is one whom “Poison an order” refuses",
}


@dataclass(frozen=True, slots=True)
class Form:
    """The form, of one fault with its targets. `wrong` says what is wrong with the address."""

    fault: Fault
    target: str
    seconds: int
    load: str
    experiment: Experiment | None = None
    choice: Choice | None = None
    wrong: str = ""

    faults = tuple((fault.name, fault.words.title) for fault in FAULTS.values())
    loads = tuple((str(load), words) for load, words in LOADS.items())
    shortest = SHORTEST_FAULT
    longest = LONGEST_FAULT


def form_of(asked: Mapping[str, str]) -> Form:
    """Return the form as the query of an address fills it in."""
    wanted = asked.get("fault", "")
    fault = FAULTS.get(wanted, next(iter(FAULTS.values())))
    target, load = asked.get("target", ""), asked.get("load", str(Profile.STEADY))
    blank = Form(fault, target, USUAL_SECONDS, load)
    try:
        if wanted:
            fault_named(wanted)
        if not target:
            return blank
        seconds = _seconds(asked.get("seconds", "").strip())
        choice = choose(wanted, target, seconds, load)
        experiment = compose(choice)
    except Misuse as error:
        return Form(fault, target, USUAL_SECONDS, load, wrong=str(error))
    return Form(fault, target, choice.seconds, load, experiment, choice)


def curl_of(experiment: Experiment, site: str) -> str:
    """Return the line for a shell that asks for a run of an experiment, composed or not."""
    choice = choice_of(experiment.name)
    if choice is None:
        return shell_line("post", site + RUNS.format(experiment.name), body={}, keyed=True)
    return shell_line("post", site + RUNS.format("composed"), body=choice.parts, keyed=True)


def _seconds(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise Misuse(NO_NUMBER)
    return int(text)
