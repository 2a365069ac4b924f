"""Storms: several faults at moments drawn from a seed, always the same for one seed."""

from __future__ import annotations

import random
from typing import Final

from chaos.experiments.experiment import Experiment, Step
from config.environment import DATABASES

LASTS: Final = 30.0  # seconds from the first injection to the last heal
FEWEST, MOST = 3, 5  # faults
LARGEST_SEED: Final = 2**31 - 1
# The faults of a storm: fault, targets, and bounds of its seconds (None: over at once).
KILLED: Final = (
    "worker-orders",
    "worker-checkout",
    "relay-payments",
    "relay-catalog",
    "redis",
    "web",
    "provider",
    "payments-gateway",
    "postgres-identity",
    "rabbitmq",
)
PAUSED: Final = ("worker-catalog", "worker-payments", "relay-orders", "redis")
INGREDIENTS: Final[tuple[tuple[str, tuple[str, ...], tuple[float, float] | None], ...]] = (
    ("kill-process", KILLED, None),
    ("kill-process", KILLED, None),  # twice as likely as the others
    ("pause-process", PAUSED, (3.0, 8.0)),
    ("close-broker-connections", ("rabbitmq",), None),
    ("end-database-sessions", DATABASES, None),
    ("read-only-database", ("orders", "checkout"), (3.0, 6.0)),
    ("revoke-leases", ("orders", "catalog", "identity"), None),
    ("duplicate-messages", ("relay-checkout", "relay-payments"), (5.0, 10.0)),
    ("delay-messages", ("relay-orders", "relay-catalog"), (5.0, 10.0)),
)
PARAMETERS: Final = {"delay-messages": {"milliseconds": 800}}


def storm_steps(seed: int) -> tuple[Step, ...]:
    """Return the faults of a storm, in the order of their moments, the first one at 0."""
    # Not for secrets: the same seed must give the same storm, on any machine.
    dice = random.Random(seed)  # noqa: S311
    steps: list[Step] = []
    taken: set[tuple[str, str]] = set()
    wanted = dice.randint(FEWEST, MOST)
    while len(steps) < wanted:
        fault, targets, range_ = dice.choice(INGREDIENTS)
        target = dice.choice(targets)
        seconds = None if range_ is None else round(dice.uniform(*range_), 1)
        at = round(dice.uniform(0.0, LASTS - (seconds or 0.0)), 1)
        if (fault, target) in taken:
            continue
        taken.add((fault, target))
        steps.append(Step(fault, target, seconds, at, PARAMETERS.get(fault, {})))
    first = min(step.at for step in steps)
    moved = (
        Step(step.fault, step.target, step.seconds, round(step.at - first, 1), step.parameters)
        for step in steps
    )
    return tuple(sorted(moved, key=lambda step: (step.at, step.fault, step.target)))


def steps_of(experiment: Experiment, seed: int | None) -> tuple[Step, ...]:
    """Return the faults of the method, which a seeded experiment draws from its seed."""
    return storm_steps(seed or 0) if experiment.seeded else experiment.steps
