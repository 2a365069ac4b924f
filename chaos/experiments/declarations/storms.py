"""The storm: several faults of the others at once, drawn by `chaos/experiments/storm.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.experiments.declarations.words import COMES_THROUGH, RELAYS, WORKERS
from chaos.experiments.experiment import Experiment, Family, Profile
from config.environment import DATABASES

EVERYBODY: Final = (
    *WORKERS, *RELAYS, "rabbitmq", "redis", "openbao", "unsealer",
    "web", "payments-gateway", "provider", "beat",
    *(f"postgres-{name}" for name in DATABASES),
)  # fmt: skip


def declared() -> Iterator[Experiment]:
    yield Experiment(
        name="storm",
        title="A storm of several faults",
        family=Family.STORM,
        hypothesis=f"When several things break within half a minute, {COMES_THROUGH}",
        blast_radius="Everybody may notice.",
        watch="Recoveries overlap, and in the end every trace has reached its last station.",
        targets=("rabbitmq", *(name for name in EVERYBODY if name != "rabbitmq")),
        load=Profile.MIXED,
        seeded=True,
    )
