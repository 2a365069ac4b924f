"""Faults of the servers while they run: the broker, the databases and the secrets server."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.experiments.declarations.words import (
    COMES_THROUGH,
    EVERYBODY,
    RELAYS,
    WORKERS,
    dependents,
)
from chaos.experiments.experiment import Experiment, Family, Step
from cluster.payments.provider_api import KeyKind


def declared() -> Iterator[Experiment]:
    yield from _broker()
    yield from _database()
    yield from _secrets()


def _broker() -> Iterator[Experiment]:
    yield Experiment(
        name="close-broker-connections",
        title="Close every connection of the broker",
        family=Family.BROKER,
        hypothesis=f"When the broker closes all connections at once, {COMES_THROUGH}",
        blast_radius="Every worker and relay connects again, and some deliveries come twice.",
        watch="Duplicates are counted and none of them is applied again.",
        targets=("rabbitmq", *WORKERS, *RELAYS),
        steps=(Step("close-broker-connections", "rabbitmq"),),
        bystanders=EVERYBODY,
    )
    yield Experiment(
        name="broker-memory-alarm",
        title="Raise the memory alarm of the broker for 12 s",
        family=Family.BROKER,
        hypothesis=f"When the broker takes no messages for want of memory, {COMES_THROUGH}",
        blast_radius="Nothing can be published, so every outbox fills.",
        watch="The outboxes grow while the alarm lasts, and drain in one go after it.",
        targets=("rabbitmq",),
        steps=(Step("broker-memory-alarm", "rabbitmq", 12.0),),
        bystanders=EVERYBODY,
    )
    yield Experiment(
        name="pause-queue-orders",
        title="Stop the consumers of the queue of orders for 10 s",
        family=Family.BROKER,
        hypothesis=f"When nobody takes from a queue for 10 seconds, {COMES_THROUGH}",
        blast_radius="Checkouts wait at the order.",
        watch="The queue of orders fills to the left of its rail, and empties in a batch.",
        targets=("worker-orders",),
        steps=(Step("pause-queue", "orders", 10.0),),
    )


def _database() -> Iterator[Experiment]:
    for name, owner in (("orders", "orders"), ("site", "the site")):
        yield Experiment(
            name=f"end-database-sessions-{name}",
            title=f"End every session of the database of {owner}",
            family=Family.DATABASE,
            hypothesis=f"When all sessions of the database of {owner} end, {COMES_THROUGH}",
            blast_radius=f"Whatever {owner} was doing begins again on a new connection.",
            watch="Work in hand is rolled back, redelivered and done once.",
            targets=(f"postgres-{name}", *dependents(name)),
            steps=(Step("end-database-sessions", name),),
        )
    yield Experiment(
        name="refuse-database-connections-payments",
        title="Refuse connections to the database of payments for 10 s",
        family=Family.DATABASE,
        hypothesis=f"When a database lets nobody in for 10 seconds, {COMES_THROUGH}",
        blast_radius="Payments wait, and some checkouts miss their deadline and are compensated.",
        watch="Money that was authorised too late is given back.",
        targets=("postgres-payments", *dependents("payments")),
        steps=(Step("refuse-database-connections", "payments", 10.0),),
    )
    yield Experiment(
        name="read-only-database-catalog",
        title="Make the database of the catalog read-only for 10 s",
        family=Family.DATABASE,
        hypothesis=f"When a database takes no writes for 10 seconds, {COMES_THROUGH}",
        blast_radius="Stock cannot be reserved, so that checkouts wait at the catalog.",
        watch="Messages stay in the queue of the catalog, and none becomes a dead letter.",
        targets=("postgres-catalog", *dependents("catalog")),
        steps=(Step("read-only-database", "catalog", 10.0),),
    )
    yield Experiment(
        name="slow-database-checkout",
        title="Slow every commit in the database of checkout by 80 ms for 15 s",
        family=Family.DATABASE,
        hypothesis=f"When commits of one database are slow, {COMES_THROUGH}",
        blast_radius="Every saga takes longer.",
        watch="The traces lean over: each stop at checkout takes longer.",
        targets=("postgres-checkout", *dependents("checkout")),
        steps=(Step("slow-database", "checkout", 15.0, parameters={"milliseconds": 80}),),
    )


def _secrets() -> Iterator[Experiment]:
    for service in ("orders", "payments"):
        yield Experiment(
            name=f"revoke-leases-{service}",
            title=f"Revoke all credentials of {service}",
            family=Family.SECRETS,
            hypothesis=f"When the credentials of {service} are revoked under load, {COMES_THROUGH}",
            blast_radius=f"The sessions of {service} end, and it logs in with new credentials.",
            watch=f"The lease of {service} is a new one within a second.",
            targets=(f"worker-{service}", f"relay-{service}", f"postgres-{service}"),
            steps=(Step("revoke-leases", service),),
            bystanders=dependents(service),
        )
    yield Experiment(
        name="rotate-provider-keys",
        title="Rotate both keys of the payment provider",
        family=Family.SECRETS,
        hypothesis=(
            "When the API key and the webhook secret are rotated under load, no request between "
            "the platform and the payment provider fails, and every accepted checkout ends as it "
            "would have."
        ),
        blast_radius="Nobody notices, since the old and the new key overlap.",
        watch="The gateway tells of new credentials twice, and payments go on meanwhile.",
        targets=("payments-gateway", "provider"),
        steps=tuple(
            Step("rotate-provider-key", kind.slug, at=at) for at, kind in enumerate(KeyKind)
        ),
    )
    yield Experiment(
        name="seal-secrets",
        title="Seal the secrets server for 10 s",
        family=Family.SECRETS,
        hypothesis=f"When the secrets server is sealed for 10 seconds, {COMES_THROUGH}",
        blast_radius="Nobody gets new credentials, and those in use go on.",
        watch="No checkout waits, since every service works on with the lease that it has.",
        targets=("openbao",),
        steps=(Step("seal-secrets", "openbao", 10.0),),
        bystanders=("unsealer",),
    )
