"""Commands of `manage.py`, run as a person runs them."""

from __future__ import annotations

import os
import subprocess
import sys

from config.environment import ROOT


def manage(
    *arguments: str, within: float = 120.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command, with these variables besides the test's own, and return how it ended."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=within,
    )
