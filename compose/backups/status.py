"""The standing of a platform's backups, and what is wrong with them in words.

The supervisor keeps it in a file of the run directory, which outlives the databases. The command
line, the admin, `/readyz` and the metrics read it, and share the one definition of a trouble.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import msgspec

from compose.backups.settings import schedule
from compose.run_directory import RunDirectory, write_private
from config.environment import run_directory
from config.waiting import locked

FILE: Final = "backup-status.json"  # in the run directory
LOCK: Final = "backup-status.lock"
LATE: Final = 1.5  # intervals after which the last backup is too old
UNARCHIVED_FOR: Final = timedelta(minutes=5)  # a batch is due every minute


@dataclass(frozen=True)
class Trouble:
    """A trouble in one sentence for everybody, and its reason, which may name a path."""

    words: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.words} {self.reason}".strip()


class BackupStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The backups of one platform. Every moment is in UTC, None for never.

    `ended`, `size` (bytes), `verified` and `rejected` are of the newest base backup, of the last
    verified one `last_verified`. `began` is set while a base backup is being made. `failed` is of
    the last attempt, unless one was good since. `checked` is when all files were compared with
    their digests, with `damage` as the result. `archived` is the moment of the last batch.
    """

    directory: str
    began: datetime | None = None
    ended: datetime | None = None
    size: int = 0
    verified: datetime | None = None
    rejected: datetime | None = None
    last_verified: str = ""
    checked: datetime | None = None
    damage: str = ""
    failed: datetime | None = None
    failure: str = ""
    archived: datetime | None = None
    unarchived_since: datetime | None = None
    unarchived: str = ""

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the standing in a run directory, or None for a platform without backups."""
        try:
            return msgspec.json.decode((path / FILE).read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return None

    def troubles(self, now: datetime, every: timedelta | None) -> Iterator[Trouble]:
        """Yield what is wrong. `every` is the interval of the schedule, None without one."""
        failed = since(self.failed, now)
        if failed is not None:
            yield Trouble(f"The last backup failed {duration(failed)} ago.", self.failure)
        age = since(self.ended, now)
        if age is None:
            yield Trouble("There is no finished backup.")
        elif every is not None and age > LATE * every:
            yield Trouble(
                f"The last backup is {duration(age)} old, and one is due every {duration(every)}."
            )
        waiting = since(self.unarchived_since, now)
        if waiting is not None and waiting >= UNARCHIVED_FOR:
            yield Trouble(
                f"Changes have not been backed up for {duration(waiting)}.", self.unarchived
            )
        if self.damage:
            yield Trouble("A file of the backups is missing or damaged.", self.damage)
        if self.rejected is not None:
            yield Trouble("A restore of the last backup did not pass `cluster verify`.")


def update(run: RunDirectory, directory: Path, **changes: object) -> None:
    """Merge changes into the standing, unless the disk of the run directory takes none."""
    with suppress(OSError), locked(run.path / LOCK):
        before = BackupStatus.read(run.path) or BackupStatus(directory=str(directory))
        after = msgspec.structs.replace(before, directory=str(directory), **changes)
        write_private(run.path / FILE, msgspec.json.encode(after).decode())


def note_failure(run: RunDirectory, directory: Path, reason: str) -> None:
    """Write down that an attempt at a base backup failed now."""
    update(run, directory, began=None, failed=datetime.now(UTC), failure=reason)


def since(moment: datetime | None, now: datetime) -> timedelta | None:
    """Return the time since a moment, 0 for one to come, as after a clock that was set back."""
    return None if moment is None else max(timedelta(), now - moment)


def backup_status() -> BackupStatus | None:
    """Return the standing of this process's own platform, None without backups."""
    return BackupStatus.read(run_directory())


def backup_troubles(status: BackupStatus | None) -> list[Trouble]:
    """Return what is wrong with the backups now. A platform without any has no trouble."""
    if status is None:
        return []
    return list(status.troubles(datetime.now(UTC), schedule().every))


def duration(length: timedelta) -> str:
    """Return a length of time in one whole unit: 40 s, 5 min, 30 h, 3 days."""
    seconds = length.total_seconds()
    for unit, size, enough in (("days", 86400, 3), ("h", 3600, 2), ("min", 60, 2)):
        if seconds >= enough * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
