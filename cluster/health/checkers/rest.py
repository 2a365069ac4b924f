"""The movement that is left before rest: in the outboxes, the queues, the sagas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cluster.health.checkers.snapshot import Snapshots
from cluster.health.progress import SILENT_AFTER
from config.environment import DATABASES

OUTBOX: Final = "SELECT count(*) FROM outbox"
SILENT: Final = """
    SELECT process, extract(epoch FROM now() - beat_at)::int,
           coalesce((detail->>'waiting')::int, 0)
      FROM heartbeat
"""
LAST_APPLIED: Final = "SELECT coalesce(extract(epoch FROM max(applied_at)), 0)::text FROM inbox"
LAST_JOURNALLED: Final = "SELECT coalesce(max(seq), 0)::text FROM journal"
PROVIDER_REQUESTS: Final = "SELECT count(*) FROM provider_request"
# Work that has not moved for a minute is stuck, not in flight: it will not move by itself.
MOVING: Final = {
    "site": """
        SELECT id::text FROM checkout_request
         WHERE status = 'accepted' AND accepted_at > now() - interval '60 s'
        UNION ALL
        SELECT id::text FROM refund_request
         WHERE status = 'accepted' AND accepted_at > now() - interval '60 s'
        UNION ALL
        SELECT id::text FROM erasure_request
         WHERE status = 'accepted' AND accepted_at > now() - interval '60 s'""",
    "identity": """
        SELECT id::text FROM erasure
         WHERE state = 'requested' AND updated_at > now() - interval '60 s'""",
    "checkout": """
        SELECT id::text FROM saga WHERE state IN ('running', 'compensating')
           AND coalesce(deadline, updated_at) > now() - interval '60 s'""",
    "orders": """
        SELECT id::text FROM refund
         WHERE state = 'requested' AND updated_at > now() - interval '60 s'""",
    "payments": """
        SELECT id::text FROM payment
         WHERE awaiting IS NOT NULL AND updated_at > now() - interval '60 s'""",
}
TOUCHED: Final = """
    SELECT DISTINCT split_part(subject, '/', 2) FROM (
        SELECT subject FROM outbox_stream WHERE updated_at > now() - %(within)s * interval '1 s'
        UNION ALL
        SELECT subject FROM inbox_stream WHERE updated_at > now() - %(within)s * interval '1 s'
    ) AS streams
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """Work that still moves. `backlog`: messages and requests that wait, in words.

    `in_flight`: ids of sagas and refunds in flight. `mark` differs after any message.
    """

    backlog: tuple[str, ...]
    in_flight: frozenset[str]
    mark: tuple[str, ...]

    @property
    def at_rest(self) -> bool:
        return not self.backlog and not self.in_flight

    def sentence(self) -> str:
        parts = list(self.backlog)
        if self.in_flight:
            parts.append(f"{len(self.in_flight)} sagas or refunds in flight")
        return "; ".join(parts) or "nothing"


def movement(snapshots: Snapshots, queues: Mapping[str, int]) -> Movement:
    """Return what moves now. `queues`: the messages ready in each queue of the broker."""
    in_flight = {id_ for name, query in MOVING.items() for (id_,) in snapshots.rows(name, query)}
    marks = [snapshots.row("site", LAST_JOURNALLED)[0]]
    marks += [snapshots.row(name, LAST_APPLIED)[0] for name in DATABASES]
    backlog = [*_waiting(snapshots), *_queued(queues)]
    return Movement(tuple(backlog), frozenset(in_flight), tuple(marks))


def recently_touched(snapshots: Snapshots, *, within: float) -> frozenset[str]:
    """Return the ids that any message of the last `within` seconds is about."""
    return frozenset(
        id_ for name in DATABASES for (id_,) in snapshots.rows(name, TOUCHED, {"within": within})
    )


def _waiting(snapshots: Snapshots) -> Iterator[str]:
    for name in DATABASES:
        (rows,) = snapshots.row(name, OUTBOX)
        if rows:
            yield f"{rows} messages in the outbox of {name}"
        for process, age, waiting in snapshots.rows(name, SILENT):
            if age > SILENT_AFTER:
                yield f"last heartbeat of {process} {age} s ago"
            elif waiting:
                yield f"{waiting} messages being applied by {process}"
    (requests,) = snapshots.row("payments", PROVIDER_REQUESTS)
    if requests:
        yield f"{requests} requests to the payment provider"


def _queued(queues: Mapping[str, int]) -> Iterator[str]:
    for queue, ready in queues.items():
        if ready:
            yield f"{ready} messages in {queue}"
