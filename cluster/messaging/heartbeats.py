"""Heartbeats: the last report of each process of a service on itself, in the service's database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Jsonb

from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import Cursor

# Seconds. After SILENT_AFTER without one, which is more than three, a process counts as silent.
EVERY: Final = 2.0

BEAT: Final = """
    INSERT INTO heartbeat (process, beat_at, consuming, detail) VALUES (%s, %s, %s, %s)
    ON CONFLICT (process) DO UPDATE
       SET beat_at = EXCLUDED.beat_at, consuming = EXCLUDED.consuming, detail = EXCLUDED.detail
"""
# The heartbeats of workers from before a change of REPLICAS would otherwise count as silent for
# ever.
DISMISS: Final = (
    "DELETE FROM heartbeat WHERE starts_with(process, 'worker-') AND process <> ALL(%s)"
)
READ: Final = """
    SELECT process, extract(epoch FROM now() - beat_at)::float8, consuming, detail
      FROM heartbeat ORDER BY process
"""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last heartbeat of a process. `age` is in seconds."""

    process: str
    age: float
    consuming: bool
    detail: Mapping[str, Any]


def beat(work: UnitOfWork, process: str, *, consuming: bool, detail: Mapping[str, Any]) -> None:
    """Record that a process lives, and whether it takes work."""
    work.cursor.execute(BEAT, (process, work.now, consuming, Jsonb(detail)))


def dismiss_workers(work: UnitOfWork, *, but: Collection[str]) -> None:
    """Forget the heartbeats of workers that the service no longer has."""
    work.cursor.execute(DISMISS, (list(but),))


def heartbeats(cursor: Cursor) -> tuple[Heartbeat, ...]:
    """Return the last heartbeat of each process of the service."""
    return tuple(Heartbeat(*row) for row in cursor.execute(READ))
