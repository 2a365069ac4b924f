"""The graph in words: the checkouts, their outcomes, and the processes that were away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from cluster.kit.graph.layout import Frame, visible
from cluster.kit.graph.model import Journey, Traffic
from cluster.kit.graph.outages import Outage
from cluster.kit.graph.scale import clock, seconds

COUNTED: Final = (
    ("completed", "completed"),
    ("compensated", "compensated"),
    ("running", "in flight"),
)


def summary(traffic: Traffic, outages: Sequence[Outage], frame: Frame, *, during: str) -> str:
    """Return a few sentences on a frame. `during` is a phrase such as "in the last 12 s"."""
    journeys = [j for j in traffic.journeys if j.kind == "checkout" and visible(j, frame)]
    spans = [s for s in outages if s.began <= frame.at and (s.ended or frame.at) >= frame.begins]
    return " ".join([_counted(journeys, during), *(_away(span, frame.at) for span in spans)])


def told(journey: Journey) -> str:
    """Return one journey in one sentence."""
    steps = [stop for stop in journey.stops if not stop.small]
    path = ", ".join(f"{stop.rail} {stop.verb}" for stop in steps)
    how = "Under way"
    if journey.ended is not None:
        how = journey.outcome.capitalize()
        if journey.began is not None:
            how += f" in {seconds(journey.ended - journey.began)}"
    return f"{journey.headcode}. {how}: {path or 'nobody has answered yet'}."


def _counted(journeys: Iterable[Journey], during: str) -> str:
    outcomes = Counter(journey.outcome for journey in journeys)
    count = outcomes.total()
    if count == 0:
        return f"No checkout {during}."
    # In the order of COUNTED, completed ones first, not by the alphabet.
    parts = [f"{outcomes[outcome]} {words}" for outcome, words in COUNTED if outcomes[outcome]]
    return f"{count} checkout{'s' if count > 1 else ''} {during}: {', '.join(parts)}."


def _away(span: Outage, at: int) -> str:
    if span.ended is None or span.ended > at:
        return f"{span.process} has been away since {clock(span.began)}: {span.cause}."
    return f"{span.process} was away for {seconds(span.ended - span.began)}: {span.cause}."
