"""The experiments that exist: so far, one hard kill for each process of the platform."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from compose.errors import Misuse
from config.environment import DATABASES, SERVICES

# Shared by all services: when one of them dies, every rail feels it.
SHARED: Final = {
    "rabbitmq": "the broker",
    "redis": "the cache",
    "openbao": "the secrets server",
}
SITE: Final = {
    "web": "the web server",
    "payments-gateway": "the payments gateway",
    "provider": "the sandbox payment provider",
    "beat": "the scheduler",
}


@dataclass(frozen=True, slots=True)
class Experiment:
    """One thing to break, and what is expected of the platform meanwhile.

    `hypothesis` is the steady-state hypothesis in one sentence (Principles of Chaos
    Engineering, principlesofchaos.org); `blast_radius` says who may notice.
    """

    name: str
    title: str
    process: str
    fault: signal.Signals
    hypothesis: str
    blast_radius: str


def _kill(process: str, words: str, blast_radius: str) -> Experiment:
    return Experiment(
        name=f"kill-{process}",
        title=f"{words[0].upper()}{words[1:]} is killed",
        process=process,
        fault=signal.SIGKILL,
        hypothesis=(
            f"When {words} is killed, every accepted checkout still completes or is compensated, "
            "and no money, stock or message is lost."
        ),
        blast_radius=blast_radius,
    )


def _all() -> list[Experiment]:
    found = [_kill(name, words, "every service") for name, words in SHARED.items()]
    for name in DATABASES:
        owner = "the site" if name not in SERVICES else name
        found.append(_kill(f"postgres-{name}", f"the database of {owner}", owner))
        found.append(_kill(f"worker-{name}", f"the worker of {owner}", owner))
        found.append(_kill(f"relay-{name}", f"the outbox relay of {owner}", owner))
    payers = {"web": "visitors", "beat": "scheduled work"}
    found += [_kill(name, words, payers.get(name, "payments")) for name, words in SITE.items()]
    return found


EXPERIMENTS: Final[Mapping[str, Experiment]] = MappingProxyType(
    {experiment.name: experiment for experiment in _all()}
)


def experiment(name: str) -> Experiment:
    """The experiment of that name. Raises Misuse with the names there are."""
    try:
        return EXPERIMENTS[name]
    except KeyError:
        raise Misuse(
            f"There is no experiment {name!r}; there is: {', '.join(EXPERIMENTS)}."
        ) from None


def experiments_on(process: str) -> list[Experiment]:
    """What can be done to a process, by the name that the supervisor gives it."""
    return [found for found in EXPERIMENTS.values() if found.process == process]
