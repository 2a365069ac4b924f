"""The proof of a backup: what was restored from it starts, and no invariant is violated."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Final

from compose import outside, platform
from compose.backups.store import Base, Store, now
from compose.progress import Progress
from compose.run_directory import RunDirectory
from config.environment import ROOT

# The addresses of others, who hear from the original platform.
OTHERS: Final = ("EMAIL_URL", "OTEL_EXPORTER_OTLP_ENDPOINT")
REST_WITHIN: Final = 180.0  # seconds; sagas whose deadline has passed are compensated first


def verify(run: RunDirectory, store: Store, base: Base, progress: Progress) -> bool:
    """Start what was restored, verify the cluster, stop it, and return whether all is well.

    The manifest of the base backup gets the result. The platform that is backed up shows it.
    """
    outside.withdraw(*OTHERS)
    started = platform.start(run.path, detach=False, progress=progress)
    try:
        command = ["cluster", "verify", "--full", "--wait", str(REST_WITHIN)]
        verdict = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command],
            env={**outside.environment(), **platform.pointers(run)},
            check=False,
        )
    finally:
        with progress.step("Stopping everything"):
            started.stop()
    if verdict.returncode != 0:
        store.mark(replace(base, verified=None, rejected=now()))
        progress.say(f"The backup {base.id} is not verified.")
        return False
    store.mark(replace(base, verified=now(), rejected=None))
    progress.say(f"The backup {base.id} is verified.")
    return True
