"""Faults of traffic: of messages, of links, and by too high a load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chaos.experiments.declarations.words import COMES_THROUGH
from chaos.experiments.experiment import Experiment, Family, Profile, Step

SECONDS: Final = 12.0
SECONDS_CUT: Final = 10.0
# Each fault of a link as a title and as a condition.
VERBS: Final = {
    "cut-link": ("Cut", "is cut"),
    "slow-link": ("Slow down", "is slow"),
    "blackhole-link": ("Black-hole", "swallows everything"),
}


def declared() -> Iterator[Experiment]:
    yield from _messages()
    yield from _links()
    yield from _load()


def _messages() -> Iterator[Experiment]:
    yield Experiment(
        name="duplicate-messages",
        title="Send every message of checkout twice for 12 s",
        family=Family.MESSAGES,
        hypothesis="When every command is delivered twice, each is applied exactly once.",
        blast_radius="Nobody notices, since every service recognises what it has applied.",
        watch="The count of deduplicated deliveries rises with every command.",
        targets=("relay-checkout",),
        steps=(Step("duplicate-messages", "relay-checkout", SECONDS),),
        load=Profile.MIXED,
    )
    yield Experiment(
        name="reorder-messages",
        title="Reorder messages of checkout for 12 s",
        family=Family.MESSAGES,
        hypothesis="When messages overtake each other, each aggregate still sees them in order.",
        blast_radius="Some messages wait, parked, for one that was sent before them.",
        watch="Parked messages appear and go when the earlier one arrives.",
        targets=("relay-checkout",),
        steps=(Step("reorder-messages", "relay-checkout", SECONDS),),
        load=Profile.MIXED,
    )
    yield Experiment(
        name="delay-messages",
        title="Delay messages of payments by 2 s for 12 s",
        family=Family.MESSAGES,
        hypothesis=f"When every reply of one service is late, {COMES_THROUGH}",
        blast_radius="Checkouts take two seconds longer at each stop in payments.",
        watch="The traces run flat between payments and checkout.",
        targets=("relay-payments",),
        steps=(
            Step("delay-messages", "relay-payments", SECONDS, parameters={"milliseconds": 2000}),
        ),
    )
    yield Experiment(
        name="poison-order",
        title="Make the orders of one visitor inapplicable for 12 s",
        family=Family.MESSAGES,
        hypothesis=(
            "When a message cannot be applied, it waits as a dead letter and holds up "
            "its own aggregate alone, and is applied once it has been replayed."
        ),
        blast_radius="Only the checkouts of the poisoned visitors wait and are compensated.",
        watch="Dead letters of orders appear, and everybody else's checkouts complete.",
        targets=("worker-orders",),
        steps=(Step("poison-order", "orders", SECONDS),),
        load=Profile.POISON,
    )


def _links() -> Iterator[Experiment]:
    orders = ("worker-orders", "relay-orders")
    broker, database = "between orders and the broker", "between orders and its database"
    yield _link(
        Step("cut-link", "orders-broker", SECONDS_CUT),
        broker,
        orders,
        "Messages to and from orders wait.",
    )
    yield _link(
        Step("cut-link", "orders-database", SECONDS_CUT),
        database,
        orders,
        "Orders apply nothing, and their messages wait in the queue.",
    )
    yield _link(
        Step("slow-link", "orders-database", SECONDS_CUT, parameters={"milliseconds": 150}),
        database,
        orders,
        "Every checkout takes longer at the order.",
    )
    yield _link(
        Step("slow-link", "payments-provider", SECONDS_CUT, parameters={"milliseconds": 800}),
        "between payments and the provider",
        ("payments-gateway", "provider"),
        "Payments take longer.",
    )
    yield _link(
        Step("blackhole-link", "orders-broker", SECONDS_CUT),
        broker,
        orders,
        "Messages to and from orders wait, on connections that look alive.",
    )
    yield _link(
        Step("blackhole-link", "site-cache", SECONDS_CUT),
        "between the site and the cache",
        ("web", "redis"),
        "Pages are drawn without a cache.",
    )


def _link(step: Step, words: str, targets: tuple[str, ...], blast_radius: str) -> Experiment:
    verb, condition = VERBS[step.fault]
    what = f"the link {words} {condition}"
    return Experiment(
        name=f"{step.fault}-{step.target}",
        title=f"{verb} the link {words} for {step.seconds:.0f} s",
        family=Family.NETWORK,
        hypothesis=f"When {what} for {step.seconds:.0f} seconds, {COMES_THROUGH}",
        blast_radius=blast_radius,
        watch="What waits at the two ends of the link grows, and is done after it is whole again.",
        targets=targets,
        steps=(step,),
    )


def _load() -> Iterator[Experiment]:
    yield Experiment(
        name="retry-storm",
        title="Hand the same checkouts in again and again",
        family=Family.LOAD,
        hypothesis="When each checkout is handed in many times at once, it happens exactly once.",
        blast_radius="The site does more work than it has customers.",
        watch="As many traces appear as there are checkouts, however often each was handed in.",
        targets=("worker-checkout", "worker-site"),
        load=Profile.RETRY_STORM,
    )
    yield Experiment(
        name="flash-sale",
        title="Let sixty buyers want eight items at the same moment",
        family=Family.LOAD,
        hypothesis="When many want the last few items, exactly as many are sold as there were.",
        blast_radius="Most buyers are told that it is sold out.",
        watch="Eight traces reach the end, and all others are compensated at the catalog.",
        targets=("worker-catalog", "worker-checkout"),
        load=Profile.FLASH_SALE,
    )
