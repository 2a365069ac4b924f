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

    If it is, the base backup is marked as verified, and what only earlier ones need is deleted.
    """
    outside.withdraw(*OTHERS)
    started = platform.start(run.path, progress=progress)
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
        progress.say("The backup is not marked as verified.")
        return False
    store.add(replace(base, verified=now()))
    pruned = store.prune(base)
    progress.say(f"The backup {base.id} is verified; {pruned} files that it does not need went.")
    return True
