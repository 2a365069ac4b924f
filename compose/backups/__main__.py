"""A scheduled base backup: `python -m compose.backups RUN-DIRECTORY`.

It goes to the directory of the last one, and its outcome into the standing of the backups.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from compose.backups.backup import back_up
from compose.backups.status import BackupStatus, note_failure, update
from compose.backups.store import Store, now
from compose.errors import PlainError, disk_words
from compose.progress import Progress
from compose.run_directory import RunDirectory


def main() -> None:
    """Make a base backup, and compare every file of the directory with its digest."""
    run = RunDirectory(Path(sys.argv[1]))
    status = BackupStatus.read(run.path)
    if status is None:
        raise SystemExit("This platform is not backed up.")
    directory = Path(status.directory)
    update(run, directory, began=now())
    try:
        store = Store.open(directory)  # one that has gone is not to be made anew
        back_up(run, directory, None, Progress())
        update(run, directory, checked=now(), damage=_damage(store))
    except (PlainError, psycopg.Error, OSError) as error:
        reason = disk_words(error) if isinstance(error, OSError) else str(error).strip()
        note_failure(run, directory, reason)
        raise SystemExit(reason) from error


def _damage(store: Store) -> str:
    """Return which file lacks its digest, the first that is found, or nothing."""
    try:
        for part in store.parts():
            store.check(part)
    except PlainError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
