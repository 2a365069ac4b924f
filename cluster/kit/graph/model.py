"""Pure functions from events to journeys, the stops and legs of each saga, and to outages.

A leg leaves a rail when the next command was given and arrives when that service
answered, so its slope is the time that the service took. Until then the saga stands
on its rail. `train-graph-model.js` reads the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from cluster.kit.graph.rails import ENTRY, SHARED, drawn_on
from cluster.storefront.events import CODES, Mark, StreamEvent

Style = Literal["solid", "dashed", "dotted"]
TickKind = Literal["deduplicated", "credentials", "parked"]

COORDINATOR: Final = "CHK"
TURNED: Final = "checkout.checkout_turned.v1"
COMPLETED: Final = "checkout.checkout_completed.v1"
STARTS: Final = {
    "checkout.start_checkout.v1": "checkout",
    "orders.request_refund.v1": "refund",
    "identity.request_erasure.v1": "erasure",
}
OUTCOMES: Final = {
    COMPLETED: "completed",
    "checkout.checkout_compensated.v1": "compensated",
    "orders.refund_completed.v1": "completed",
    "orders.refund_refused.v1": "refused",
    "orders.refund_abandoned.v1": "abandoned",
    "identity.erasure_completed.v1": "completed",
    "identity.erasure_refused.v1": "refused",
}
TICKS: Final[dict[str, TickKind]] = {
    "message_deduplicated": "deduplicated",
    "credentials_rotated": "credentials",
    "message_parked": "parked",
}


class GraphEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The part of one journal entry that the graph needs. `at` is in milliseconds since 1970."""

    seq: int
    at: int
    code: str
    type: str
    mark: str
    verb: str
    saga: str
    headcode: str


class Stop(msgspec.Struct, frozen=True):
    """A step of a service. A small one stands beside the line: a reaction to an event."""

    at: int
    rail: str
    mark: str
    verb: str
    seq: int
    small: bool


class Leg(msgspec.Struct):
    """A saga's way from one rail to the next.

    The saga is at `origin` from `since`, leaves it at `leaves` and arrives at `arrives`.
    A moment is None until an event shows that it has passed.
    """

    origin: str
    since: int
    leaves: int | None
    target: str
    arrives: int | None
    style: Style


class Journey(msgspec.Struct):
    """One saga. `began` is None where its beginning lies before the first event given."""

    id: str
    headcode: str
    kind: str
    began: int | None
    ended: int | None
    outcome: str
    first: int
    last: int
    legs: list[Leg]
    stops: list[Stop]


class Tick(msgspec.Struct, frozen=True):
    """A system event of the messaging layer, on the rail of the process that published it."""

    at: int
    rail: str
    kind: TickKind
    seq: int


class Traffic(msgspec.Struct):
    """The content of the events: journeys in the order of their first event, and ticks."""

    journeys: list[Journey]
    ticks: list[Tick]


def graph_event(event: StreamEvent) -> GraphEvent:
    """Return the part of a stream's event that the graph draws."""
    return GraphEvent(
        seq=event.seq,
        at=milliseconds(event.time),
        code=event.code,
        type=event.type,
        mark=event.mark,
        verb=event.verb,
        saga=str(event.correlation),
        headcode=event.headcode,
    )


def milliseconds(time: str | datetime) -> int:
    """Return a moment in milliseconds since 1970."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return round(moment.timestamp() * 1000)


def read_traffic(events: Iterable[GraphEvent]) -> Traffic:
    """Return all journeys and ticks of `events`, which come in the order of their seq."""
    readers: dict[str, _Reader] = {}
    ticks: list[Tick] = []
    for event in events:
        kind = TICKS.get(event.type.split(".")[1] if "." in event.type else "")
        if kind is not None:
            ticks.append(Tick(event.at, drawn_on(event.code), kind, event.seq))
            continue
        reader = readers.get(event.saga)
        if reader is None:
            reader = readers[event.saga] = _Reader(event)
        reader.read(event)
    return Traffic([reader.finish() for reader in readers.values()], ticks)


class _Reader:
    """Follows one saga from event to event."""

    def __init__(self, first: GraphEvent) -> None:
        kind = STARTS.get(first.type)
        self._journey = Journey(
            id=first.saga,
            headcode=first.headcode,
            kind=kind or "other",
            began=first.at if kind else None,
            ended=None,
            outcome="running",
            first=first.at,
            last=first.at,
            legs=[],
            stops=[],
        )
        # Where the saga is and since when; not known when its beginning was not seen.
        self._place: tuple[str, int] | None = (ENTRY, first.at) if kind else None
        # Requests without an answer, by service: the saga's place before each, and its moment.
        self._asked: dict[str, tuple[tuple[str, int] | None, int]] = {}
        self._turned = False

    def read(self, event: GraphEvent) -> None:
        journey = self._journey
        journey.last = max(journey.last, event.at)
        if event.code == COORDINATOR and journey.kind == "other":
            journey.kind = "checkout"
        if event.mark == Mark.IN_FLIGHT:
            self._ask(event)
            return
        if event.type == TURNED:
            self._turn(event)
        elif event.code in self._asked:
            place, leaves = self._asked.pop(event.code)
            self._arrive(event, place, leaves, "dashed" if self._turned else "solid")
        elif event.type == COMPLETED:
            leaves = self._place[1] if self._place else event.at
            self._arrive(event, self._place, leaves, "solid")
        else:
            self._stop(event, small=True)
        outcome = OUTCOMES.get(event.type)
        if outcome is not None and journey.ended is None:
            journey.ended, journey.outcome = event.at, outcome

    def finish(self) -> Journey:
        """Return the journey so far, with a leg in flight for each request without an answer."""
        journey = self._journey
        style: Style = "dashed" if self._turned else "solid"
        for target, (place, leaves) in self._asked.items():
            if place is not None:
                journey.legs.append(Leg(place[0], place[1], leaves, target, None, style))
        if not self._asked and journey.ended is None and journey.began and self._place:
            rail, since = self._place
            journey.legs.append(Leg(rail, since, None, rail, None, style))
        return journey

    def _ask(self, event: GraphEvent) -> None:
        target = CODES.get(event.type.partition(".")[0], "")
        # The coordinator's answer to the site's command is its first command to another.
        # A repeated request keeps the moment of the first one.
        if target != COORDINATOR and target not in self._asked:
            self._asked[target] = (self._place, event.at)

    def _turn(self, event: GraphEvent) -> None:
        """Mark each service that has not answered as unknown, since its outcome is."""
        for target, (place, leaves) in self._asked.items():
            if place is not None:
                leg = Leg(place[0], place[1], leaves, target, event.at, "dotted")
                self._journey.legs.append(leg)
            stop = Stop(event.at, target, Mark.UNKNOWN, "unanswered", event.seq, small=False)
            self._journey.stops.append(stop)
            self._place = (target, event.at)
        self._asked.clear()
        self._turned = True
        self._stop(event, small=True)

    def _arrive(
        self, event: GraphEvent, place: tuple[str, int] | None, leaves: int, style: Style
    ) -> None:
        if place is not None:
            leg = Leg(place[0], place[1], leaves, event.code, event.at, style)
            self._journey.legs.append(leg)
        self._stop(event, small=False)
        self._place = (event.code, event.at)

    def _stop(self, event: GraphEvent, *, small: bool) -> None:
        stop = Stop(event.at, drawn_on(event.code), event.mark, event.verb, event.seq, small)
        self._journey.stops.append(stop)


class Outage(msgspec.Struct, frozen=True):
    """An outage of a process, in milliseconds since 1970, with `ended` None while it lasts."""

    id: str
    process: str
    rail: str
    cause: str
    began: int
    ended: int | None


def outage(span: Any) -> Outage:
    """Return an outage from the observer's OutageSpan, as a structure or as JSON."""
    told: Mapping[str, Any] = span if isinstance(span, Mapping) else msgspec.structs.asdict(span)
    ended = told.get("ended")
    return Outage(
        id=str(told["id"]),
        process=told["process"],
        rail=drawn_on(CODES.get(told.get("service") or "", SHARED)),
        cause=told["cause"],
        began=milliseconds(told["began"]),
        ended=None if ended is None else milliseconds(ended),
    )


def waiting(journeys: list[Journey], span: Outage, at: int) -> int:
    """Return the number of journeys that wait at `at` for an answer that the outage delays.

    For a server that all services share, it is every journey that waits for a service.
    """
    if at < span.began:
        return 0
    until = at if span.ended is None else min(at, span.ended)
    return sum(
        1
        for journey in journeys
        for leg in journey.legs
        if (span.rail in (SHARED, leg.target))
        and leg.leaves is not None
        and leg.leaves <= until
        and (leg.arrives is None or leg.arrives > at)
    )
