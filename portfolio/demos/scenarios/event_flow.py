"""One checkout's way through the services, hop by hop, with the time that each stage took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from cluster.messaging.message_spans import nanoseconds
from cluster.storefront.checkout_intake import Outcome
from cluster.storefront.events import CODES
from cluster.storefront.journal.queries import Entry
from config.waiting import wait_until
from portfolio.demos.controls import Choice, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import Application, applications, recorded_of, table
from portfolio.demos.result import Check, Figure, Lane, Link, Result, Side, Table, check, figure
from portfolio.demos.sagas import begin, order_of
from portfolio.demos.spans import await_tree, message_of
from portfolio.demos.waiting import ends_of
from portfolio.traces.tree import Segment, Stage

APPLIED_WITHIN: Final = 3.0  # seconds after its end: the last commands are still on their way
EVERY: Final = 0.1


def run(visit: Visit, values: Values) -> Result:
    """Start it, wait for its end, and read each message in the journal and in the inboxes."""
    (saga,) = begin([order_of(visit.visitor, Outcome(str(values["outcome"])))])
    ended = ends_of([saga])
    heard, applied = _settled(saga)
    confirms = _confirms(saga, heard)
    took = _milliseconds(heard[0].time, max(one.time for one in heard)) if heard else 0.0
    return Result(
        headline=f"{len(heard)} messages in {took:.0f} ms, and it was "
        f"{'completed' if ended['completed'] else 'compensated'}.",
        sides=(
            Side(
                title="Hop by hop",
                sentence="Each message was written to its sender’s outbox in the transaction that "
                "made it true, and applied in a transaction of its receiver.",
                figures=tuple(_figures(heard, applied, confirms)),
                links=(
                    Link(path=f"/sagas/{saga}/", words="The saga’s page"),
                    Link(path=f"/traces/{saga.hex}/", words="Its trace"),
                ),
                lanes=tuple(_lane(one, applied, confirms) for one in heard),
                tables=(_table(heard, applied, confirms),),
            ),
        ),
        checks=tuple(_checks(heard, applied)),
        correlations=(saga,),
    )


def _settled(saga: UUID) -> tuple[list[Entry], list[Application]]:
    """Return the messages and inbox rows, once every command is applied or time is up."""

    def look() -> tuple[list[Entry], list[Application]]:
        heard = recorded_of(saga)
        return heard, applications([one.message_id for one in heard])

    return wait_until(
        look, holds=lambda both: not _unapplied(*both), within=APPLIED_WITHIN, every=EVERY
    )


def _unapplied(heard: Sequence[Entry], applied: Sequence[Application]) -> list[Entry]:
    done = {(one.service, one.message.id) for one in applied}
    return [one for one in heard if one.owner and (one.owner, one.message_id) not in done]


def _confirms(saga: UUID, heard: Sequence[Entry]) -> dict[str, int]:
    """Return when the broker confirmed each message (ns of the epoch), from the relays' spans."""
    tree = await_tree(saga, [one.message_id for one in heard if one.owner])
    if tree is None:
        return {}
    return {
        message_of(row): segment.end
        for row in tree.rows()
        for segment in row.segments
        if row.is_message and segment.stage is Stage.OUTBOX
    }


def _lane(one: Entry, applied: Sequence[Application], confirms: Mapping[str, int]) -> Lane:
    began, code = nanoseconds(one.time), CODES.get(one.source, "???")
    rows = [row for row in applied if row.message.id == one.message_id]
    journalled = nanoseconds(one.recorded_at)
    first = min([nanoseconds(row.message.at) for row in rows] or [journalled])
    out = confirms.get(str(one.message_id), first)
    segments = [Segment(Stage.OUTBOX, began, max(began, out), code)]
    for row in rows:
        at = nanoseconds(row.message.at)
        if at > out:
            segments.append(Segment(Stage.BROKER, out, at, CODES.get(row.service, "???")))
    segments.append(Segment(Stage.JOURNAL, began, max(began, journalled), "WEB"))
    return Lane(code=code, label=_words(one.type), segments=tuple(segments))


def _table(
    heard: Sequence[Entry], applied: Sequence[Application], confirms: Mapping[str, int]
) -> Table:
    columns = ("from", "message", "to", "outbox", "broker", "until applied", "until journalled")
    rows = []
    for one in heard:
        to = [row for row in applied if row.message.id == one.message_id]
        out = confirms.get(str(one.message_id))
        in_outbox = None if out is None else (out - nanoseconds(one.time)) / 1_000_000
        until = min((_milliseconds(one.time, row.message.at) for row in to), default=None)
        rows.append(
            (
                CODES.get(one.source, one.source),
                _words(one.type),
                ", ".join(CODES.get(row.service, row.service) for row in to) or "–",
                _said(in_outbox),
                _said(None if until is None or in_outbox is None else max(0.0, until - in_outbox)),
                _said(until),
                _said(_milliseconds(one.time, one.recorded_at)),
            )
        )
    return table(
        "", "Milliseconds of each message, from its sender’s transaction on", columns, rows
    )


def _figures(
    heard: Sequence[Entry], applied: Sequence[Application], confirms: Mapping[str, int]
) -> Iterator[Figure]:
    sent = {one.message_id: one.time for one in heard}
    until = sorted(_milliseconds(sent[row.message.id], row.message.at) for row in applied)
    if until:
        yield figure("Until applied, half of them within", until[len(until) // 2], "ms")
        yield figure("Until applied, the slowest", until[-1], "ms")
    if confirms:
        waits = sorted(
            (confirms[str(one.message_id)] - nanoseconds(one.time)) / 1_000_000
            for one in heard
            if str(one.message_id) in confirms
        )
        yield figure("In the outbox, half of them within", waits[len(waits) // 2], "ms")


def _checks(heard: Sequence[Entry], applied: Sequence[Application]) -> Iterator[Check]:
    commands = [one for one in heard if one.owner]
    missing = _unapplied(heard, applied)
    again = [one for one in applied if one.message.applied != 1]
    yield check(
        "every command was applied, and once",
        holds=not missing and not again,
        sentence=f"{len(commands) - len(missing)} of {len(commands)} commands were applied by "
        f"their owners, {len(again)} of them more than once.",
    )
    times = {one.message_id: one.time for one in heard}
    early = [one for one in heard if one.causation in times and one.time < times[one.causation]]
    yield check(
        "no message came before its cause",
        holds=not early,
        sentence=f"{len(heard)} messages, {len(early)} of them older than what caused them.",
    )
    lost = [one for one in heard if one.causation and one.causation not in times]
    yield check(
        "every cause is in the journal",
        holds=not lost,
        sentence=f"{len(lost)} messages name a cause that is not in the journal.",
    )


def _milliseconds(begin_: datetime, end: datetime) -> float:
    return (end - begin_).total_seconds() * 1000


def _said(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.1f}"


def _words(type_: str) -> str:
    return type_.split(".")[1].replace("_", " ")


DEMO: Final = demo(
    "event-flow",
    controls=(
        Choice(
            "outcome",
            "What happens",
            (
                (Outcome.SUCCESS.value, "it completes"),
                (Outcome.DECLINED.value, "the card is declined, and it is compensated"),
            ),
        ),
    ),
    run=run,
    seconds=8,
)
