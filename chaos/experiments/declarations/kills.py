"""One hard kill for each process of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.experiments.declarations.words import (
    COMES_THROUGH,
    SHARED,
    SITE,
    dependents,
    owner_of,
)
from chaos.experiments.experiment import Experiment, Family, Step
from config.environment import DATABASES

NOTICED: Final = {
    "web": "Visitors wait for a page, and streams reconnect.",
    "beat": "Scheduled work comes late.",
    "rabbitmq": "Every service waits with its messages in its outbox.",
    "redis": "Pages are drawn without a cache, and streams wake by polling.",
    "openbao": "Nobody gets new credentials; those in use go on.",
}
WATCH: Final = {
    "rabbitmq": "The outboxes of all services fill, and drain within a second of its return.",
    "web": "The figure says that it has lost the server, and goes on where it stopped.",
}


def declared() -> Iterator[Experiment]:
    for name, words in SHARED.items():
        yield _kill(name, words, NOTICED[name], bystanders=("unsealer",))
    for name in DATABASES:
        owner = owner_of(name)
        yield _kill(
            f"postgres-{name}",
            f"the database of {owner}",
            f"Whatever {owner} has to do waits for it.",
            bystanders=dependents(name),
        )
        yield _kill(
            f"worker-{name}", f"the worker of {owner}", f"Messages to {owner} wait in its queue."
        )
        yield _kill(
            f"relay-{name}",
            f"the outbox relay of {owner}",
            f"Messages of {owner} wait in its outbox.",
        )
    for name, words in SITE.items():
        yield _kill(name, words, NOTICED.get(name, "Payments take longer."))


def _kill(
    process: str, words: str, blast_radius: str, *, bystanders: tuple[str, ...] = ()
) -> Experiment:
    return Experiment(
        name=f"kill-{process}",  # kill-rabbitmq, kill-worker-orders, …
        title=f"Kill {words}",
        family=Family.KILLS,
        hypothesis=f"When {words} is killed, {COMES_THROUGH}",
        blast_radius=blast_radius,
        watch=WATCH.get(
            process, f"The process {process} is gone, and a new one does its work within seconds."
        ),
        targets=(process,),
        steps=(Step("kill-process", process),),
        bystanders=bystanders,
        outage=True,
    )
