"""Outages as the graph draws them: on the rail of the service, or on the shared strip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cluster.kit.graph.model import Journey, milliseconds
from cluster.kit.graph.rails import SHARED, drawn_on
from cluster.storefront.events import CODES


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
