"""Counts of messages over all services: sent, redelivered, deduplicated, parked and dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from chaos.experiments.incident import Deliveries
from cluster.secrets.postgres import database
from config.environment import DATABASES

# Ids of the outbox come from a sequence, and failed transactions lose a few of them.
COUNTS: Final = """
    SELECT (SELECT last_value FROM outbox_id_seq),
           (SELECT count(*) FROM outbox),
           (SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'redelivered'),
           (SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'deduplicated'),
           (SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'parked'),
           (SELECT count(*) FROM dead_letter),
           (SELECT coalesce(sum(replays), 0) FROM dead_letter)
"""
NAMES: Final = (
    "published", "unsent", "redelivered", "deduplicated", "parked", "dead_lettered", "replayed",
)  # fmt: skip


def counted() -> Mapping[str, int]:
    """Return the sums since the databases were made, or raise DatabaseUnavailable."""
    sums: Counter[str] = Counter()
    for name in DATABASES:
        with database(name, auditor=True).connect(autocommit=True) as connection:
            row = connection.execute(COUNTS).fetchone()
        assert row is not None, "an aggregate has a row"
        sums.update({label: int(value) for label, value in zip(NAMES, row, strict=True)})
    return sums


def between(before: Mapping[str, int], after: Mapping[str, int]) -> Deliveries:
    """Return the growth from one count to the other.

    A message that has left an outbox was confirmed.
    """
    grown = {label: after[label] - before[label] for label in NAMES}
    return Deliveries(
        published=grown["published"],
        confirmed=grown["published"] - grown["unsent"],
        redelivered=grown["redelivered"],
        deduplicated=grown["deduplicated"],
        parked=grown["parked"],
        dead_lettered=grown["dead_lettered"],
        replayed=grown["replayed"],
    )
