"""Snapshots in which the audited tables have only what changed since a checkpoint.

A query keeps its text: common table expressions with the names of the tables stand before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from cluster.health.checkers.audited import AUDITED, listed
from cluster.health.checkers.changes import Search, search, uuids
from cluster.health.checkers.checkpoint import Checkpoint, Reading, UnusableCheckpoint
from cluster.health.checkers.snapshot import Snapshots
from config.environment import DATABASES

JOURNAL: Final = (
    f"journal AS (SELECT * FROM public.journal WHERE seq IN ({listed('entries', 'bigint')}))"  # noqa: S608
)
SHADOWS: Final = {
    name: ", ".join((*(one.shadow() for one in AUDITED[name]), *([JOURNAL] * (name == "site"))))
    for name in DATABASES
}
# For this transaction only. A list with a million characters is well below what a setting may have.
SET: Final = "SELECT set_config('verdict.' || %(name)s, (%(values)s::text[])::text, true)"


class Narrowed(Snapshots):
    """Snapshots of which the queries see changed rows, and all rows that are about the same."""

    def __init__(self, snapshots: Snapshots, found: Search) -> None:
        super().__init__()
        self._snapshots = snapshots
        self._ids = found.ids
        lists = {
            "ids": uuids(found.ids),
            "subjects": sorted(found.subjects),
            "visitors": sorted(found.visitors),
            "entries": [str(entry.seq) for entry in found.entries.found],
        }
        for name in DATABASES:
            for list_, values in lists.items():
                snapshots.rows(name, SET, {"name": list_, "values": values})

    @property
    def whole(self) -> Snapshots:
        return self._snapshots

    @property
    def ids(self) -> Collection[str]:
        return self._ids

    def rows(
        self, name: str, query: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        return self._snapshots.rows(name, f"WITH {SHADOWS[name]} {query}", parameters)


def narrowed(
    snapshots: Snapshots, since: Checkpoint | None, because: str = ""
) -> tuple[Snapshots, Search | None, Reading]:
    """Return the snapshots to examine, what changed in them, and what will thus be read.

    Without a checkpoint that can be relied on nothing is narrowed. `because` says why none is.
    """
    if since is None:
        return snapshots, None, Reading(because=because)
    try:
        found = search(snapshots, since)
    except UnusableCheckpoint as reason:
        return snapshots, None, Reading(because=str(reason))
    return Narrowed(snapshots, found), found, Reading(since, rows=found.rows)
