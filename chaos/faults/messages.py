"""Faults of messages: wrong sends of a relay, and an order that cannot be applied.

The relays carry them out themselves, on a rule sent by NOTIFY
(`cluster/messaging/fault_injection.py`). A relay drops the rule when its time is up, so a
watchdog that dies leaves no message held back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chaos.drivers.driver import Driver
from chaos.faults.fault import FaultWords, clients_of
from cluster.health.armed_faults import ArmedFault
from cluster.messaging.fault_injection import (
    LONGEST,
    MOST,
    Ending,
    FaultRule,
    Operation,
    notify_statement,
)
from cluster.messaging.replays import SEND_REFUSED_AGAIN
from compose.errors import Misuse
from config.environment import DATABASES

ALL: Final = "all"
RELAYS: Final = {f"relay-{name}": name for name in DATABASES}

POISON: Final = "chaos_poison"  # the constraint's name
POISONED: Final = "poisoned-"  # prefix of the names of visitors whose orders are refused

# A locked row can block ALTER TABLE, and new orders would wait behind it: give up soon.
PATIENCE: Final = "SET lock_timeout = '5s'"
CURE: Final = f"ALTER TABLE orders DROP CONSTRAINT IF EXISTS {POISON}"
REFUSE: Final = f"""
    ALTER TABLE orders ADD CONSTRAINT {POISON} CHECK (visitor NOT LIKE '{POISONED}%') NOT VALID
"""
# A message refused just before the cure becomes a dead letter in another transaction, just after.
SETTLE: Final = "SELECT pg_sleep(0.5)"


@dataclass(slots=True)
class MessageFault:
    """A fault that a relay, or every relay, applies to the messages that it sends.

    Parameters: `milliseconds`, for how long a message is held back at most; `limit`, the
    number of messages of each relay that it applies to.
    """

    name: str
    operation: Operation
    words: FaultWords
    limit: int
    milliseconds: int = 0
    lasts: bool = True

    def targets(self) -> tuple[str, ...]:
        return (*RELAYS, ALL)

    def reaches(self, target: str) -> tuple[str, ...]:
        return tuple(RELAYS) if target == ALL else (target,)

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        if target not in self.targets():
            raise Misuse(f"{self.name} has no target {target!r}: {', '.join(self.targets())}.")
        allowed = {"limit": MOST} | ({"milliseconds": LONGEST * 1000} if self.milliseconds else {})
        check_numbers(self.name, parameters, allowed)

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        self.check(armed.target, armed.parameters)
        limit = int(armed.parameters.get("limit", self.limit))
        milliseconds = armed.parameters.get("milliseconds", self.milliseconds)
        rule = FaultRule(
            id=armed.id,
            operation=self.operation,
            until=armed.until,
            limit=limit,
            seconds=milliseconds / 1000,
        )
        for database in _databases(armed.target):
            driver.sql(database, [notify_statement(rule)], within=database)
        for_how_long = f", for at most {milliseconds} ms each" if milliseconds else ""
        return f"{_whose(armed.target)} next {limit} messages are {self.words.verb}{for_how_long}"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        if not armed.expired:
            for database in _databases(armed.target):
                driver.sql(database, [notify_statement(Ending(id=armed.id))], within=database)
        return "messages go out once and in order"


class PoisonOrder:
    """A constraint, unknown to the handler, that refuses the orders of some visitors.

    Their messages become dead letters, which the heal sends again. Other visitors are not
    affected.
    """

    name = "poison-order"
    lasts = True
    words = FaultWords(
        title="Poison an order",
        verb="poisoned",
        what=(
            f"A constraint refuses the orders of visitors whose names begin with {POISONED}; "
            "their messages become dead letters, and are sent again when it is healed."
        ),
    )

    def targets(self) -> tuple[str, ...]:
        return ("orders",)

    def reaches(self, target: str) -> tuple[str, ...]:
        return clients_of(target)

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        if target not in self.targets():
            raise Misuse(f"{self.name} has no target {target!r}: only orders.")
        check_numbers(self.name, parameters, {})

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        self.check(armed.target, armed.parameters)
        driver.sql(armed.target, [PATIENCE, CURE, REFUSE], within=armed.target)
        return f"orders of visitors named {POISONED}… are refused"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        again = SEND_REFUSED_AGAIN.format(constraint=POISON, queue=f"{armed.target}.inbox")
        rows = driver.sql(armed.target, [PATIENCE, CURE, SETTLE, again], within=armed.target)
        sent = rows[0][1] if rows else 0
        return f"orders are accepted again; dead letters sent again: {sent}"


def check_numbers(fault: str, parameters: Mapping[str, Any], most: Mapping[str, float]) -> None:
    """Raise Misuse unless every parameter is known, and a number from 1 to its greatest value."""
    for name, value in parameters.items():
        if name not in most:
            known = ", ".join(most) or "none"
            raise Misuse(f"{fault} has no parameter {name!r}; it has {known}.")
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most[name]:
            raise Misuse(f"{name} of {fault} is a whole number from 1 to {most[name]:g}.")


def _databases(target: str) -> tuple[str, ...]:
    return DATABASES if target == ALL else (RELAYS[target],)


def _whose(target: str) -> str:
    return "each relay's" if target == ALL else f"{target}'s"


FAULTS: Final = (
    MessageFault(
        name="duplicate-messages",
        operation=Operation.DUPLICATE,
        words=FaultWords(
            title="Duplicate messages",
            verb="sent twice",
            what="The relay sends each message twice; the inboxes apply it once.",
        ),
        limit=1_000,
    ),
    MessageFault(
        name="reorder-messages",
        operation=Operation.REORDER,
        words=FaultWords(
            title="Reorder messages",
            verb="overtaken",
            what=(
                "The relay holds messages back until a later one about the same thing has gone "
                "out; the inboxes park that one until the first has come."
            ),
        ),
        limit=20,
        # Longer than a saga's deadlines, so that the compensation overtakes its command.
        milliseconds=15_000,
    ),
    MessageFault(
        name="delay-messages",
        operation=Operation.DELAY,
        words=FaultWords(
            title="Delay messages",
            verb="delayed",
            what="The relay holds each message back; later ones overtake it.",
        ),
        limit=500,
        milliseconds=800,
    ),
    PoisonOrder(),
)
