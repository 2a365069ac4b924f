"""The figure's data as rows for a table, for readers who do not look at the drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from cluster.kit.graph.layout import Frame, visible
from cluster.kit.graph.model import Journey, Outage, Traffic
from cluster.kit.graph.rails import NAMES, RAILS
from cluster.kit.graph.scale import clock_to_the_millisecond, seconds

# A table of a busy minute would be too long to read.
MOST_ROWS = 60


class JourneyRow(msgspec.Struct, frozen=True):
    """One journey: the steps of each rail's service, and how long after the beginning."""

    id: str
    headcode: str
    began: str
    rails: list[str]
    outcome: str


class StopRow(msgspec.Struct, frozen=True):
    """One stop of a journey."""

    clock: str
    after: str
    code: str
    mark: str
    verb: str


class OutageRow(msgspec.Struct, frozen=True):
    """One outage. Its `length` is "not over" while it lasts."""

    process: str
    rail: str
    cause: str
    began: str
    length: str


def journey_rows(traffic: Traffic, frame: Frame) -> list[JourneyRow]:
    """Return the journeys that are visible in the frame, the newest first."""
    seen = [j for j in traffic.journeys if visible(j, frame) and j.kind != "other"]
    return [_journey_row(journey) for journey in reversed(seen[-MOST_ROWS:])]


def stop_rows(journeys: Iterable[Journey]) -> list[StopRow]:
    """Return every stop of each journey, in the order of time."""
    return [
        StopRow(
            clock_to_the_millisecond(stop.at),
            seconds(stop.at - journey.first),
            stop.rail,
            stop.mark,
            stop.verb,
        )
        for journey in journeys
        for stop in sorted(journey.stops, key=lambda stop: stop.at)
    ]


def outage_rows(outages: Sequence[Outage], frame: Frame) -> list[OutageRow]:
    """Return the outages that the frame shows, the earliest first."""
    return [
        OutageRow(
            span.process,
            NAMES[span.rail],
            span.cause,
            clock_to_the_millisecond(span.began),
            "not over" if span.ended is None else seconds(span.ended - span.began),
        )
        for span in outages
        if span.began <= frame.at and (span.ended or frame.at) >= frame.begins
    ]


def _journey_row(journey: Journey) -> JourneyRow:
    def done(rail: str) -> str:
        return ", ".join(
            f"{stop.verb} +{seconds(stop.at - journey.first)}"
            for stop in journey.stops
            if stop.rail == rail
        )

    outcome = "in flight" if journey.outcome == "running" else journey.outcome
    return JourneyRow(
        id=journey.id,
        headcode=journey.headcode,
        began=clock_to_the_millisecond(journey.first),
        rails=[done(rail) for rail in RAILS],
        outcome=outcome,
    )
