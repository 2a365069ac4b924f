"""Injects faults into single messages as a relay sends them: duplicate, delay, reorder, poison.

Faults belong here, in a small part between outbox and broker, and never in a handler. A relay
receives a rule by NOTIFY on the channel `relay_faults`, keeps it in memory, and forgets it after
LONGEST seconds at the latest, so that nothing has to be healed for messages to flow again. A
message that is held back stays in the outbox: a relay that dies meanwhile sends it when it is back.
"""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from cluster.messaging.envelope import new_message_id
from cluster.messaging.middleware import Middleware
from cluster.messaging.outbox import NO_ROW

if TYPE_CHECKING:  # an import cycle otherwise, by the topology and the fault commands
    from cluster.messaging.publisher import OutboxRow

logger = logging.getLogger(__name__)

CHANNEL: Final = "relay_faults"
LONGEST: Final = 60.0  # seconds; no rule lives longer, even if its `until` is later
MOST: Final = 5_000  # messages; of one rule
EVERY: Final = "*"

# The sequence of a corrupted copy. No stream comes near the number: the checkers see that no outbox
# has announced the copy.
NO_PLACE: Final = 2_000_000_000


class Operation(enum.StrEnum):
    """The fault that a rule applies to a message."""

    DUPLICATE = "duplicate"  # sent twice
    DELAY = "delay"  # held back, while later ones overtake it
    REORDER = "reorder"  # held back until a later one of its aggregate has gone out
    POISON = "poison"  # a corrupted copy goes to `queue` first, then the untouched original


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="rule"):
    """One rule: the messages it matches, the fault it applies, its end and its limit of messages.

    `correlation` and `type` name the messages, or "*". `seconds` is how long one is held back at
    most, `until` the moment (seconds of the epoch) at which all of it ends.
    """

    id: str
    operation: Operation
    until: float
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)]
    correlation: str = EVERY
    type: str = EVERY
    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST)] = 0.0
    queue: str = ""


class Ending(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="end"):
    """The end of the rule with this id, upon which the messages that it held back go out."""

    id: str


class _Correlated(msgspec.Struct):
    correlationid: str = ""


_rules: Final = msgspec.json.Decoder(FaultRule | Ending)
_correlated: Final = msgspec.json.Decoder(_Correlated)
_objects: Final = msgspec.json.Decoder(dict[str, Any])

NOTIFY: Final = f"SELECT pg_notify('{CHANNEL}', %s)"


def encode_rule(rule: FaultRule | Ending) -> str:
    """Return the payload of the NOTIFY."""
    return msgspec.json.encode(rule).decode()


def notify_statement(rule: FaultRule | Ending) -> str:
    """Return the whole statement, for a caller that can pass no parameters."""
    quoted = encode_rule(rule).replace("'", "''")
    return f"SELECT pg_notify('{CHANNEL}', '{quoted}')"


@dataclass(slots=True)
class _Active:
    rule: FaultRule
    ends_at: float
    left: int
    done: set[int] = field(default_factory=set)

    def wants(self, row: OutboxRow) -> bool:
        rule = self.rule
        return (
            row.id not in self.done
            and rule.type in (EVERY, row.routing_key)
            and rule.correlation in (EVERY, _correlation(row.body))
        )


@dataclass(frozen=True, slots=True)
class _Held:
    rule: str
    until: float
    overtaken_by: str  # the subject whose next message releases this one; empty: only time does


class FaultInjection(Middleware):
    """The rules that are in force in one relay.

    False when there are none, and nothing is held back. `clock` gives the seconds of the epoch.
    """

    channel = CHANNEL

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._active: dict[str, _Active] = {}
        self._held: dict[int, _Held] = {}

    def __bool__(self) -> bool:
        return bool(self._active or self._held)

    def notified(self, payload: str) -> None:
        """Put a rule into force, or log and ignore one that cannot be read."""
        try:
            rule = _rules.decode(payload)
        except msgspec.MsgspecError as error:
            logger.warning("a rule that cannot be read: %s", error)
            return
        if isinstance(rule, Ending):
            self._active.pop(rule.id, None)
            self._release(lambda held: held.rule == rule.id)
            logger.info("rule %s has ended", rule.id)
        else:
            ends_at = min(rule.until, self._clock() + LONGEST)
            self._active[rule.id] = _Active(rule, ends_at, rule.limit)
            logger.info("rule %s: %s", rule.id, rule.operation)

    def held_back(self) -> list[int]:
        """Return the ids of the rows to leave in the outbox for now."""
        self._forget_what_is_over()
        return list(self._held)

    def patience(self, at_most: float) -> float:
        """Return the seconds to sleep: until the next row is to be released, or `at_most`."""
        if not self._held:
            return at_most
        first = min(held.until for held in self._held.values())
        return min(at_most, max(0.0, first - self._clock()))

    def replace(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """Return the rows to send in place of `rows`: with copies, and without those held back.

        One rule applies to a row once, however often it is read.
        """
        if not self:
            return list(rows)
        self._forget_what_is_over()
        to_send: list[OutboxRow] = []
        for row in rows:
            instead = self._replacement(row)
            if instead:
                self._overtake(row.subject)
            to_send += instead
        return to_send

    def _replacement(self, row: OutboxRow) -> list[OutboxRow]:
        # The latest rule goes before earlier ones.
        rules = reversed(self._active.values())
        active = next((one for one in rules if self._concerns(one, row)), None)
        if active is None:
            return [row]
        active.done.add(row.id)
        active.left -= 1
        rule = active.rule
        match rule.operation:
            case Operation.DUPLICATE:
                return [row, row]
            case Operation.POISON:
                return [_corrupted(row, rule.queue), row]
            case Operation.DELAY | Operation.REORDER:
                until = min(self._clock() + rule.seconds, active.ends_at)
                subject = row.subject if rule.operation is Operation.REORDER else ""
                self._held[row.id] = _Held(rule.id, until, subject)
                return []

    def _concerns(self, active: _Active, row: OutboxRow) -> bool:
        if not active.left or not active.wants(row):
            return False
        # The next one of an aggregate is to overtake the one that is held back.
        return active.rule.operation is not Operation.REORDER or not any(
            held.overtaken_by == row.subject for held in self._held.values()
        )

    def _forget_what_is_over(self) -> None:
        now = self._clock()
        for identifier, active in list(self._active.items()):
            if now >= active.ends_at or not active.left:
                del self._active[identifier]
        self._release(lambda held: now >= held.until)

    def _overtake(self, subject: str) -> None:
        self._release(lambda held: held.overtaken_by == subject)

    def _release(self, is_free: Callable[[_Held], bool]) -> None:
        self._held = {row: held for row, held in self._held.items() if not is_free(held)}


def _correlation(body: bytes) -> str:
    try:
        return _correlated.decode(body).correlationid
    except (ValueError, RecursionError):  # a dead letter that is replayed may hold any bytes
        return ""


def _corrupted(row: OutboxRow, queue: str) -> OutboxRow:
    """Return a copy that no schema accepts, under an id and a number that no outbox has given.

    It goes to one queue alone, not to all consumers of the original.
    """
    identifier = str(new_message_id())
    try:
        envelope = _objects.decode(row.body)
    except (ValueError, RecursionError):  # a replayed dead letter that is corrupt already
        envelope = {}
    envelope |= {"id": identifier, "sequence": NO_PLACE, "data": {"corrupted": True}}
    return replace(
        row,
        id=NO_ROW,
        message_id=identifier,
        destination=queue,
        body=msgspec.json.encode(envelope),
    )
