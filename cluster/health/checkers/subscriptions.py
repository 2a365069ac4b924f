"""The streams that each service consumes, by the contracts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.messaging.contract import REGISTRY, Kind
from cluster.messaging.service import Service


def aggregates_consumed(services: Sequence[Service]) -> dict[str, Mapping[str, list[str]]]:
    """Return the aggregates whose streams a receiver applies, by receiver and source.

    A stream is all of one kind: events, when its source declares events about its
    aggregate, else commands. `Service.check` has made sure that a receiver consumes all
    of a stream or nothing, so the receiver must have reached the end of the stream.
    """
    return {
        receiver.name: {
            source.name: sorted(heard) for source in services if (heard := _heard(receiver, source))
        }
        for receiver in services
        if not receiver.journals
    }


def _heard(receiver: Service, source: Service) -> set[str]:
    told = {
        declared.aggregate
        for declared in REGISTRY.values()
        if declared.kind is Kind.EVENT and declared.owner == source.name
    }
    heard = set()
    for name in receiver.consumes():
        declared = REGISTRY[name]
        if declared.kind is Kind.EVENT and declared.owner == source.name:
            heard.add(declared.aggregate)
        if declared.kind is Kind.COMMAND and declared.aggregate not in told:
            heard.add(declared.aggregate)
    return heard
