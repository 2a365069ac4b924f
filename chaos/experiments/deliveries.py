"""Counts of messages over all services: sent, redelivered, deduplicated, parked and dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from chaos.experiments.incident import Deliveries
from cluster.messaging.queries import Depths, counters, depths
from cluster.secrets.postgres import database
from config.environment import DATABASES

COUNTERS: Final = ("redelivered", "deduplicated", "parked")


def counted() -> Mapping[str, int]:
    """Return the sums since the databases were made, or raise DatabaseUnavailable."""
    with ThreadPoolExecutor(len(DATABASES)) as threads:
        found = list(threads.map(_count, DATABASES))
    sums: Counter[str] = Counter()
    for held, counted_here in found:
        sums["published"] += held.written
        sums["unsent"] += held.outbox
        sums["dead_lettered"] += held.dead_letters
        sums["replayed"] += held.replays
        for label in COUNTERS:
            sums[label] += counted_here[label]
    return sums


def between(before: Mapping[str, int], after: Mapping[str, int]) -> Deliveries:
    """Return the growth from one count to the other.

    A message that has left an outbox was confirmed.
    """
    grown = {label: after[label] - before[label] for label in after}
    return Deliveries(
        published=grown["published"],
        confirmed=grown["published"] - grown["unsent"],
        redelivered=grown["redelivered"],
        deduplicated=grown["deduplicated"],
        parked=grown["parked"],
        dead_lettered=grown["dead_lettered"],
        replayed=grown["replayed"],
    )


def _count(name: str) -> tuple[Depths, Mapping[str, int]]:
    with database(name, auditor=True).connect(autocommit=True) as connection:
        return depths(connection.cursor()), counters(connection.cursor())
