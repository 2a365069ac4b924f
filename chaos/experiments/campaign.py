"""Campaigns: every experiment, for some rounds, in an order by seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.experiment import Experiment, Family
from chaos.experiments.storm import LARGEST_SEED


@dataclass(frozen=True, slots=True)
class Turn:
    """One experiment of a campaign, with a `seed` where it needs one."""

    experiment: Experiment
    seed: int | None


def turns(*, seed: int, rounds: int, only: Family | None = None) -> list[Turn]:
    """Return every experiment (of one family) once a round, in an order that the seed decides."""
    # Not for secrets: the same seed must give the same order.
    dice = random.Random(seed)  # noqa: S311
    chosen = [one for one in EXPERIMENTS.values() if only is None or one.family is only]
    found: list[Turn] = []
    for _ in range(rounds):
        found += [_turn(one, dice) for one in _shuffled(chosen, dice)]
    return found


def storms(*, seed: int, count: int) -> list[Turn]:
    """Return `count` storms, each with a seed of its own."""
    dice = random.Random(seed)  # noqa: S311
    return [_turn(EXPERIMENTS["storm"], dice) for _ in range(count)]


def _turn(experiment: Experiment, dice: random.Random) -> Turn:
    return Turn(experiment, dice.randint(0, LARGEST_SEED) if experiment.seeded else None)


def _shuffled(experiments: Sequence[Experiment], dice: random.Random) -> list[Experiment]:
    return dice.sample(list(experiments), len(experiments))
