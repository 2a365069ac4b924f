"""How many messages were sent, came twice, waited and were given up, counted over all services."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from chaos.experiments.incident import Deliveries
from cluster.secrets.postgres import database
from config.environment import DATABASES

# Ids of the outbox are drawn from a sequence: a few are lost to transactions that failed.
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
    """The sums since the databases were made. Raises DatabaseUnavailable."""
    sums: Counter[str] = Counter()
    for name in DATABASES:
        with database(name, auditor=True).connect(autocommit=True) as connection:
            row = connection.execute(COUNTS).fetchone()
        assert row is not None, "an aggregate has a row"
        sums.update({label: int(value) for label, value in zip(NAMES, row, strict=True)})
    return sums


def between(before: Mapping[str, int], after: Mapping[str, int]) -> Deliveries:
    """What was added from one count to the other; what left an outbox was confirmed."""
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
