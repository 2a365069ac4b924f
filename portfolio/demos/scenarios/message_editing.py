"""One message of a new checkout that is duplicated, delayed, overtaken or corrupted in flight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.message_editing import BY_MESSAGE, OPERATIONS, operate
from chaos.message_editing import Choice as Picked
from cluster.messaging import fault_injection
from cluster.messaging.fault_injection import Operation
from cluster.messaging.queries import (
    AppliedMessage,
    KeptDeadLetter,
    applied,
    counters,
    dead_letters_about,
)
from cluster.storefront.checkout_intake import Outcome
from portfolio.demos.controls import Choice, Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import database_time, read, recorded_of, table
from portfolio.demos.result import Check, Link, Result, Side, Table, check, figure, note
from portfolio.demos.sagas import order_of, run_within_limits
from portfolio.demos.waiting import await_read, ends_of

WITHIN: Final = 25.0  # seconds; a message that is overtaken may be held for as long as a deadline
PICKED: Final = (
    "catalog.reserve_stock.v1",
    "identity.hold_limit.v1",
    "identity.limit_held.v1",
    "payments.authorise_payment.v1",
    "payments.payment_authorised.v1",
    "orders.confirm_order.v1",
)
AGAIN: Final = "deduplicated"  # the counter of messages that came again
FORGOTTEN: Final = "The relay was killed meanwhile and forgot the wish, so there was no such copy."


@dataclass(frozen=True, slots=True)
class Seen:
    """The data of the receiver on the edited message, and whether its checkout completed."""

    operation: Operation
    picked: Picked
    sent: int
    effects: Sequence[AppliedMessage]
    dead: Sequence[KeptDeadLetter]
    repeated: int
    parked: int
    completed: bool


def run(visit: Visit, values: Values) -> Result:
    """Have the sender's relay edit a message of a new checkout, and read its receiver's records."""
    operation, picked = Operation(str(values["operation"])), BY_MESSAGE[str(values["message"])]
    order = order_of(visit.visitor, Outcome.SUCCESS)
    before, since = read(picked.receiver, counters), read(picked.receiver, database_time)
    run_within_limits(
        lambda work: operate(
            work,
            checkout=order,
            operation=operation,
            message=picked.message,
            seconds=float(values["seconds"]),
        )
    )
    ended = ends_of([order.id], within=WITHIN)
    # The second copy may arrive a moment after the checkout's end, and must still be counted.
    counted = await_read(
        picked.receiver,
        counters,
        until=lambda now: operation is not Operation.DUPLICATE or now[AGAIN] > before[AGAIN],
        within=3.0,
    )
    recorded = recorded_of(order.id)
    dead = await_read(
        picked.receiver,
        dead_letters_about,
        picked.receiver,
        since,
        sorted({one.subject for one in recorded}),
        until=lambda rows: operation is not Operation.POISON or bool(rows),
        within=3.0,
    )
    ids = [one.message_id for one in recorded if one.type == picked.message]
    seen = Seen(
        operation=operation,
        picked=picked,
        sent=len(ids),
        effects=read(picked.receiver, applied, ids),
        dead=dead,
        repeated=counted[AGAIN] - before[AGAIN],
        parked=counted["parked"] - before["parked"],
        completed=bool(ended["completed"]),
    )
    return Result(
        headline=_headline(seen),
        sides=(
            Side(
                title=f"At the receiver, {picked.receiver}",
                sentence=f"{picked.label}. The relay of {picked.sender} was told: "
                f"{OPERATIONS[operation].lower()}.",
                figures=(
                    figure("Deliveries that were recognised as repeated", seen.repeated),
                    figure("Messages that waited for an earlier one", seen.parked),
                    figure("Dead letters", len(dead)),
                ),
                links=(Link(path=f"/sagas/{order.id}/", words="The saga’s page"),),
                tables=tuple(_tables(seen)),
            ),
        ),
        checks=tuple(_checks(seen)),
        correlations=(order.id,),
    )


def _tables(seen: Seen) -> Iterator[Table]:
    receiver = seen.picked.receiver
    columns = ("message", "type", "applied", "sequence", "at (UTC)")
    yield table(receiver, "Its row in the inbox", columns, seen.effects)
    cells = (
        (row.number, row.type, row.reason, row.detail, bool(row.replayed_at)) for row in seen.dead
    )
    kept = ("id", "type", "reason", "detail", "replayed")
    yield table(receiver, "Dead letters of this checkout", kept, cells)


def _headline(seen: Seen) -> str:
    deed = {
        Operation.DUPLICATE: "was sent twice and took effect once"
        if seen.repeated
        else "was to be sent twice",
        Operation.DELAY: "was held back",
        Operation.REORDER: "was overtaken",
        Operation.POISON: f"had a corrupted copy before it (dead letters: {len(seen.dead)})",
    }[seen.operation]
    word = seen.picked.message.split(".")[1].replace("_", " ")
    end = "completed" if seen.completed else "was compensated"
    return f"The message “{word}” {deed}; the checkout {end}."


def _checks(seen: Seen) -> Iterator[Check]:
    receiver, poisoned = seen.picked.receiver, seen.operation is Operation.POISON
    times = [one.applied for one in seen.effects]
    yield check(
        "it took effect once",
        holds=seen.sent == 1 and times == [1],
        sentence=f"Sent {seen.sent} time by its service; {receiver} applied it {sum(times)} time.",
    )
    # A relay keeps the rule in memory, and loses it when it is killed before the message comes.
    if seen.operation is Operation.DUPLICATE:
        recognised = (
            f"{receiver} counted {seen.repeated} repeated deliveries meanwhile, those of others "
            "among them."
        )
        yield note(
            "the second copy was recognised",
            recognised if seen.repeated else FORGOTTEN,
            holds=bool(seen.repeated),
        )
    if poisoned and not seen.dead:
        yield note("what is unreadable is kept", FORGOTTEN)
    else:
        yield check(
            "what is unreadable is kept, and stops nobody",
            holds=len(seen.dead) == (1 if poisoned else 0),
            sentence=f"Dead letters of this checkout at {receiver}: {len(seen.dead)}.",
        )
    if seen.operation in (Operation.DUPLICATE, Operation.POISON):
        yield check(
            "the checkout went on",
            holds=seen.completed,
            sentence=f"{int(seen.completed)} of 1 completed.",
        )
    elif seen.completed:
        yield note("the checkout ended", "It completed.")
    else:
        yield note("the checkout ended", "It was compensated, since the message came too late.")


DEMO: Final = demo(
    "message-surgery",
    controls=(
        Choice(
            "operation",
            "What is done to it",
            tuple((operation.value, words) for operation, words in OPERATIONS.items()),
        ),
        Choice(
            "message",
            "To which message",
            tuple((message, BY_MESSAGE[message].label) for message in PICKED),
        ),
        Number("seconds", "Held back for (s)", 1, 8, 2),
    ),
    run=run,
    code=(fault_injection, operate),
    seconds=25,
)
