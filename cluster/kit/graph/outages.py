"""Outages as the graph draws them: on the rail of the service, or on the shared strip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cluster.kit.graph.model import Journey, milliseconds
from cluster.kit.graph.rails import SHARED, drawn_on
from cluster.storefront.events import CODES


class Outage(msgspec.Struct, frozen=True):
    """A process that was away: times in milliseconds since 1970, `ended` None while it is."""

    id: str
    process: str
    rail: str
    cause: str
    began: int
    ended: int | None


def outage(span: Any) -> Outage:
    """An outage from the observer's OutageSpan, as a structure or as JSON."""
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
    """How many journeys wait at `at` for an answer that the outage keeps, or kept, from them.

    For what all services share, that is every journey that waits for anybody.
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
