"""The whole test suite in two processes: tests that use the platform, and all others beside them.

Tests of faults wait for most of their time, and the others need no server: at a low priority, and
with a run directory of their own, they disturb nobody.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

from config.environment import ROOT

PYTEST: Final = (sys.executable, "-m", "pytest")
CACHE: Final = ("-o", "cache_dir=.run/test-alone/.pytest_cache")  # one of its own
LOWER: Final = 10  # of the scale that ends at 19
# They change what is told, not what is run: anything else gets one process, which tells it whole.
TELLING: Final = re.compile(r"-q+|-v+|-r\w*|--(durations|tb|color|timeout)=.*")


def is_whole(arguments: Sequence[str]) -> bool:
    """Whether these arguments ask for every test."""
    return all(TELLING.fullmatch(argument) for argument in arguments)


def run_in_two_parts(arguments: Sequence[str]) -> int:
    """Run both parts; the other tests' output follows the platform's. The value is a status."""
    with tempfile.TemporaryFile() as output:
        alone = subprocess.Popen(
            ["nice", f"-n{LOWER}", *PYTEST, "--part=alone", *CACHE, *arguments],
            cwd=ROOT,
            env={**os.environ, "PORTFOLIO_RUN_DIR": str(ROOT / ".run" / "test-alone")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            command = [*PYTEST, "--part=platform", *arguments]
            of_platform = subprocess.run(command, cwd=ROOT, check=False).returncode
            of_others = alone.wait()
        finally:
            alone.terminate()
            alone.wait()
        output.seek(0)
        print("\nTests without the platform, which ran beside those above:\n", flush=True)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    return of_platform or of_others
