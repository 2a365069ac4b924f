"""Campaigns: every experiment, some rounds of it, in an order that a seed decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.experiment import Experiment, Family
from chaos.experiments.storm import LARGEST_SEED


@dataclass(frozen=True, slots=True)
class Turn:
    """One experiment of a campaign; `seed` where it needs one."""

    experiment: Experiment
    seed: int | None


def turns(*, seed: int, rounds: int, only: Family | None = None) -> list[Turn]:
    """Each round holds every experiment (of one family) once; the same seed, the same campaign."""
    # Not for secrets: it has to come out the same again.
    dice = random.Random(seed)  # noqa: S311
    chosen = [one for one in EXPERIMENTS.values() if only is None or one.family is only]
    found: list[Turn] = []
    for _ in range(rounds):
        found += [_turn(one, dice) for one in _shuffled(chosen, dice)]
    return found


def storms(*, seed: int, count: int) -> list[Turn]:
    """So many storms, each with a seed of its own."""
    dice = random.Random(seed)  # noqa: S311
    return [_turn(EXPERIMENTS["storm"], dice) for _ in range(count)]


def _turn(experiment: Experiment, dice: random.Random) -> Turn:
    return Turn(experiment, dice.randint(0, LARGEST_SEED) if experiment.seeded else None)


def _shuffled(experiments: Sequence[Experiment], dice: random.Random) -> list[Experiment]:
    return dice.sample(list(experiments), len(experiments))
