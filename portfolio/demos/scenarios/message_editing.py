"""One message of a new checkout that is duplicated, delayed, overtaken or corrupted in flight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    dead_letters_with,
)
from cluster.storefront.checkout_intake import Outcome
from portfolio.demos.controls import Choice, Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import database_time, read, recorded_of, table
from portfolio.demos.result import Check, Link, Result, Side, Table, check, figure
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
LONGEST_DETAIL: Final = 80  # characters that a table shows
AGAIN: Final = "deduplicated"  # the counter of messages that came again
FORGOTTEN: Final = "The relay was killed meanwhile and forgot the wish, so there was no such copy."


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
    dead = await_read(
        picked.receiver,
        dead_letters_with,
        picked.receiver,
        since,
        str(order.id),
        until=lambda rows: operation is not Operation.POISON or bool(rows),
        within=3.0,
    )
    repeated = counted[AGAIN] - before[AGAIN]
    parked = counted["parked"] - before["parked"]
    ids = [one.message_id for one in recorded_of(order.id) if one.type == picked.message]
    effects = read(picked.receiver, applied, ids)
    return Result(
        headline=_headline(
            operation, picked, completed=ended["completed"], dead=len(dead), repeated=repeated
        ),
        sides=(
            Side(
                title=f"At the receiver, {picked.receiver}",
                sentence=f"{picked.label}. The relay of {picked.sender} was told: "
                f"{OPERATIONS[operation].lower()}.",
                figures=(
                    figure("Deliveries that were recognised as repeated", repeated),
                    figure("Messages that waited for an earlier one", parked),
                    figure("Dead letters", len(dead)),
                ),
                links=(Link(path=f"/sagas/{order.id}/", words="The saga’s page"),),
                tables=(_inbox(picked, effects), _dead(picked, dead)),
            ),
        ),
        checks=tuple(
            _checks(
                operation,
                picked,
                sent=len(ids),
                effects=effects,
                dead=len(dead),
                repeated=repeated,
                completed=ended["completed"],
            )
        ),
        correlations=(order.id,),
    )


def _inbox(picked: Picked, effects: Sequence[AppliedMessage]) -> Table:
    columns = ("message", "type", "applied", "sequence", "at (UTC)")
    return table(picked.receiver, "Its row in the inbox", columns, effects)


def _dead(picked: Picked, rows: Sequence[KeptDeadLetter]) -> Table:
    columns = ("id", "type", "reason", "detail", "replayed")
    cells = (
        (row.number, row.type, row.reason, row.detail[:LONGEST_DETAIL], bool(row.replayed_at))
        for row in rows
    )
    return table(picked.receiver, "Dead letters of this checkout", columns, cells)


def _headline(
    operation: Operation, picked: Picked, *, completed: int, dead: int, repeated: int
) -> str:
    deed = {
        Operation.DUPLICATE: "was sent twice and took effect once"
        if repeated
        else "was to be sent twice",
        Operation.DELAY: "was held back",
        Operation.REORDER: "was overtaken",
        Operation.POISON: f"had a corrupted copy before it (dead letters: {dead})",
    }[operation]
    word = picked.message.split(".")[1].replace("_", " ")
    end = "completed" if completed else "was compensated"
    return f"The message “{word}” {deed}; the checkout {end}."


def _checks(
    operation: Operation,
    picked: Picked,
    *,
    sent: int,
    effects: Sequence[AppliedMessage],
    dead: int,
    repeated: int,
    completed: int,
) -> Iterator[Check]:
    yield check(
        "it took effect once",
        holds=sent == 1 and [one.applied for one in effects] == [1],
        sentence=f"Sent {sent} time by its service; {picked.receiver} applied it "
        f"{sum(one.applied for one in effects)} time.",
    )
    # A relay keeps the rule in memory, and loses it when it is killed before the message comes.
    if operation is Operation.DUPLICATE:
        yield Check(
            name="the second copy was recognised",
            outcome="ok" if repeated else "info",
            sentence=f"{picked.receiver} counted {repeated} repeated deliveries meanwhile, "
            "those of others among them."
            if repeated
            else FORGOTTEN,
        )
    if operation is Operation.POISON and not dead:
        yield Check(name="what is unreadable is kept", outcome="info", sentence=FORGOTTEN)
    else:
        yield check(
            "what is unreadable is kept, and stops nobody",
            holds=dead == (1 if operation is Operation.POISON else 0),
            sentence=f"Dead letters of this checkout at {picked.receiver}: {dead}.",
        )
    if operation in (Operation.DUPLICATE, Operation.POISON):
        yield check(
            "the checkout went on",
            holds=completed == 1,
            sentence=f"{completed} of 1 completed.",
        )
    else:
        yield Check(
            name="the checkout ended",
            outcome="info",
            sentence="It completed."
            if completed
            else "It was compensated, since the message came too late.",
        )


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
