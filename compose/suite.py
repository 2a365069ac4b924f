"""The whole test suite in three processes at once, each with a run directory of its own.

Tests of the cluster and its faults wait for most of their time. Those of the pages and the
articles have a platform of their own meanwhile, which nobody breaks; those that need no platform
run beside both, at a low priority.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Final

from config.environment import ROOT

PYTEST: Final = (sys.executable, "-m", "pytest")
CLUSTER, PAGES, ALONE = "cluster", "pages", "alone"
LOWER: Final = {PAGES: 0, ALONE: 10}  # of the scale that ends at 19
# They change what is told, not what is run: anything else gets one process, which tells it whole.
TELLING: Final = re.compile(r"-q+|-v+|-r\w*|--(durations|tb|color|timeout)=.*")


def is_whole(arguments: Sequence[str]) -> bool:
    """Whether these arguments ask for every test."""
    return all(TELLING.fullmatch(argument) for argument in arguments)


def run_in_parts(arguments: Sequence[str]) -> int:
    """Run every part; what the others told follows the cluster's. The value is a status."""
    with ExitStack() as stack:
        others = {
            part: stack.enter_context(_beside(part, arguments, niceness))
            for part, niceness in LOWER.items()
        }
        command = [*PYTEST, f"--part={CLUSTER}", *arguments]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        for part, (process, output) in others.items():
            status = process.wait() or status
            print(f"\nThe part “{part}”, which ran beside the one above:\n", flush=True)
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    return status


@contextmanager
def _beside(
    part: str, arguments: Sequence[str], niceness: int
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A part in a process of its own, and the file to which it tells; ended with the block."""
    run = ROOT / ".run" / f"test-{part}"
    cache = ("-o", f"cache_dir={run.relative_to(ROOT)}.cache")  # one of its own
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["nice", f"-n{niceness}", *PYTEST, f"--part={part}", *cache, *arguments],
            cwd=ROOT,
            env={**os.environ, "PORTFOLIO_RUN_DIR": str(run)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, output
        finally:
            process.terminate()
            process.wait()
