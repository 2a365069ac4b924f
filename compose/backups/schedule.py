"""Backups while the platform runs: WAL once a minute, and a new base backup when one is due.

The supervisor runs this in a thread. A base backup is a process of its own, which yields to all
others and writes down its outcome: circus, which reaps every child of the supervisor, may take its
exit status.
"""

from __future__ import annotations

import logging
import math
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from compose.backups import wal
from compose.backups.settings import schedule
from compose.backups.status import BackupStatus, note_failure
from compose.backups.store import now
from compose.run_directory import RunDirectory
from config.environment import ROOT

EVERY: Final = 60.0  # seconds between two batches
AGAIN_AFTER: Final = 600.0  # seconds after an attempt at a base backup
NICE: Final = ("nice", "-n", "15")  # processor time that nobody else wants

log = logging.getLogger(__name__)


def keep_backing_up(run: RunDirectory) -> None:
    """Archive a batch every EVERY seconds, and start a base backup when one is due, for ever."""
    started_at, process = -math.inf, None
    while True:
        time.sleep(EVERY)
        try:
            with wal.alone(run):
                wal.archive_if_possible(run)
            if process is not None and process.poll() is not None:
                process = None
                note_end(run)
            rested = time.monotonic() - started_at >= AGAIN_AFTER
            if process is None and rested and is_due(run, now()):
                started_at, process = time.monotonic(), start(run)
        except Exception:  # the thread must outlive a defect of ours
            log.exception("backing up failed")


def is_due(run: RunDirectory, at: datetime) -> bool:
    """Return whether a platform that is backed up needs a new base backup.

    That is after an interval, after an attempt that failed or did not end, after archiving was
    given up, and when the clock was set back, since a moment to restore is found by its time.
    """
    status, every = BackupStatus.read(run.path), schedule().every
    if status is None or every is None:
        return False
    if status.ended is None or status.failed or status.began or wal.Target.of(run) is None:
        return True
    return at - status.ended >= every or at < status.ended


def start(run: RunDirectory) -> subprocess.Popen[bytes]:
    """Start a base backup in a process of its own."""
    command = [*NICE, sys.executable, "-m", "compose.backups", str(run.path)]
    with run.log("backup").open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)


def note_end(run: RunDirectory) -> None:
    """Write down that a base backup failed whose process has ended without a word."""
    status = BackupStatus.read(run.path)
    if status is not None and status.began is not None:
        note_failure(run, Path(status.directory), "It was interrupted.")
