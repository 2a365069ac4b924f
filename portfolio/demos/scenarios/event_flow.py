"""One checkout's way through the services, hop by hop, with the time that each stage took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Hop:
    """One message: its entry in the journal, the inboxes that have it, and its confirm.

    `confirmed` is the time of the broker's confirm (ns of the epoch), None while it is not known.
    """

    entry: Entry
    applied: Sequence[Application]
    confirmed: int | None

    @property
    def in_outbox(self) -> float | None:
        """Milliseconds from its sender's transaction to the confirm."""
        if self.confirmed is None:
            return None
        return (self.confirmed - nanoseconds(self.entry.time)) / 1_000_000

    @property
    def until_applied(self) -> list[float]:
        """Milliseconds from its sender's transaction to each of its receivers'."""
        return [_milliseconds(self.entry.time, row.message.at) for row in self.applied]


def run(visit: Visit, values: Values) -> Result:
    """Start it, wait for its end, and read each message in the journal and in the inboxes."""
    (saga,) = begin([order_of(visit.visitor, Outcome(str(values["outcome"])))])
    ended = ends_of([saga])
    heard, applied = _settled(saga)
    confirms = _confirms(saga, heard)
    hops = [
        Hop(
            one,
            [row for row in applied if row.message.id == one.message_id],
            confirms.get(str(one.message_id)),
        )
        for one in heard
    ]
    took = _milliseconds(heard[0].time, max(one.time for one in heard)) if heard else 0.0
    return Result(
        headline=f"{len(heard)} messages in {took:.0f} ms, and it was "
        f"{'completed' if ended['completed'] else 'compensated'}.",
        sides=(
            Side(
                title="Hop by hop",
                sentence="Each message was written to its sender’s outbox in the transaction that "
                "made it true, and applied in a transaction of its receiver.",
                figures=tuple(_figures(hops)),
                links=(
                    Link(path=f"/sagas/{saga}/", words="The saga’s page"),
                    Link(path=f"/traces/{saga.hex}/", words="Its trace"),
                ),
                lanes=tuple(map(_lane, hops)),
                tables=(_table(hops),),
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


def _lane(hop: Hop) -> Lane:
    began, code = nanoseconds(hop.entry.time), CODES.get(hop.entry.source, "???")
    journalled = nanoseconds(hop.entry.recorded_at)
    arrivals = [(row.service, nanoseconds(row.message.at)) for row in hop.applied]
    first = min((at for _, at in arrivals), default=journalled)
    out = first if hop.confirmed is None else hop.confirmed
    segments = [Segment(Stage.OUTBOX, began, max(began, out), code)]
    for service, at in arrivals:
        if at > out:
            segments.append(Segment(Stage.BROKER, out, at, CODES.get(service, "???")))
    segments.append(Segment(Stage.JOURNAL, began, max(began, journalled), "WEB"))
    return Lane(code=code, label=_words(hop.entry.type), segments=tuple(segments))


def _table(hops: Sequence[Hop]) -> Table:
    columns = ("from", "message", "to", "outbox", "broker", "until applied", "until journalled")
    rows = []
    for hop in hops:
        until, in_outbox = min(hop.until_applied, default=None), hop.in_outbox
        rows.append(
            (
                CODES.get(hop.entry.source, hop.entry.source),
                _words(hop.entry.type),
                ", ".join(CODES.get(row.service, row.service) for row in hop.applied) or "–",
                _said(in_outbox),
                _said(None if until is None or in_outbox is None else max(0.0, until - in_outbox)),
                _said(until),
                _said(_milliseconds(hop.entry.time, hop.entry.recorded_at)),
            )
        )
    caption = "Milliseconds of each message, from its sender’s transaction on"
    return table("", caption, columns, rows)


def _figures(hops: Sequence[Hop]) -> Iterator[Figure]:
    until = sorted(took for hop in hops for took in hop.until_applied)
    if until:
        yield figure("Until applied, half of them within", until[len(until) // 2], "ms")
        yield figure("Until applied, the slowest", until[-1], "ms")
    waits = sorted(hop.in_outbox for hop in hops if hop.in_outbox is not None)
    if waits:
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
