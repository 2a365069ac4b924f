"""Faults of processes: a hard kill of each one, and a pause of each kind.

A pause is harder to detect than a death: the process keeps its connections and does nothing,
so no connection closes, and no peer is notified.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.experiments.declarations.words import (
    COMES_THROUGH,
    EVERYBODY,
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
# Each pause with the process in words, its seconds, and those who may notice.
PAUSES: Final = (
    (
        "worker-orders",
        "the worker of orders",
        12.0,
        "Checkouts wait at the order, and some miss their deadline and are compensated.",
    ),
    ("relay-checkout", "the outbox relay of checkout", 10.0, "Every saga stands still."),
    (
        "rabbitmq",
        "the broker",
        10.0,
        "Every service waits, and publishers learn of it only by their heartbeat.",
    ),
    (
        "postgres-orders",
        "the database of orders",
        8.0,
        "Whatever orders has to do waits, on connections that look alive.",
    ),
    ("redis", "the cache", 8.0, "Pages are drawn without a cache."),
    ("openbao", "the secrets server", 10.0, NOTICED["openbao"]),
    ("web", "the web server", 6.0, "Visitors wait; nothing behind the site notices."),
)
# The processes that may be away with a paused one, since they wait for it.
WAITING: Final = {
    "rabbitmq": EVERYBODY,
    "postgres-orders": dependents("orders"),
    "redis": ("web",),
    "openbao": ("unsealer",),
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
    for name, words, seconds, blast_radius in PAUSES:
        yield _pause(name, words, seconds, blast_radius)


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


def _pause(process: str, words: str, seconds: float, blast_radius: str) -> Experiment:
    return Experiment(
        name=f"pause-{process}",
        title=f"Pause {words} for {seconds:.0f} s",
        family=Family.PAUSES,
        hypothesis=f"When {words} gets no time for {seconds:.0f} seconds, {COMES_THROUGH}",
        blast_radius=blast_radius,
        watch=f"The process {process} is shown as paused, and goes on with what waits for it.",
        targets=(process,),
        steps=(Step("pause-process", process, seconds),),
        bystanders=WAITING.get(process, ()),
        outage=True,
    )
