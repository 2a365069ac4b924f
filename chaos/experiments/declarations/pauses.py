"""A pause of each kind of process, which keeps its connections and does nothing.

A pause is harder to detect than a death: no connection closes, and no peer is notified.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.experiments.declarations.words import (
    COMES_THROUGH,
    RELAYS,
    WORKERS,
    dependents,
)
from chaos.experiments.experiment import Experiment, Family, Step

EVERYBODY = (*WORKERS, *RELAYS, "payments-gateway", "beat", "web")


def declared() -> Iterator[Experiment]:
    yield _pause(
        "worker-orders",
        "the worker of orders",
        12.0,
        "Checkouts wait at the order, and some miss their deadline and are compensated.",
    )
    yield _pause("relay-checkout", "the outbox relay of checkout", 10.0, "Every saga stands still.")
    yield _pause(
        "rabbitmq",
        "the broker",
        10.0,
        "Every service waits, and publishers learn of it only by their heartbeat.",
        bystanders=EVERYBODY,
    )
    yield _pause(
        "postgres-orders",
        "the database of orders",
        8.0,
        "Whatever orders has to do waits, on connections that look alive.",
        bystanders=dependents("orders"),
    )
    yield _pause("redis", "the cache", 8.0, "Pages are drawn without a cache.", bystanders=("web",))
    yield _pause(
        "openbao",
        "the secrets server",
        10.0,
        "Nobody gets new credentials; those in use go on.",
        bystanders=("unsealer",),
    )
    yield _pause("web", "the web server", 6.0, "Visitors wait; nothing behind the site notices.")


def _pause(
    process: str,
    words: str,
    seconds: float,
    blast_radius: str,
    *,
    bystanders: tuple[str, ...] = (),
) -> Experiment:
    return Experiment(
        name=f"pause-{process}",
        title=f"Pause {words} for {seconds:.0f} s",
        family=Family.PAUSES,
        hypothesis=f"When {words} gets no time for {seconds:.0f} seconds, {COMES_THROUGH}",
        blast_radius=blast_radius,
        watch=f"The process {process} is shown as paused, and goes on with what waits for it.",
        targets=(process,),
        steps=(Step("pause-process", process, seconds),),
        bystanders=bystanders,
        outage=True,
    )
