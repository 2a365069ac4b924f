"""A platform is backed up under load, restored elsewhere, and no invariant is violated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.ports import choose_ports
from config.environment import ROOT

# Set by this process for its own platform.
OURS = {"STATIC_DIRECTORY", "DJANGO_SETTINGS_MODULE", "PORTFOLIO_PORT"}


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder in which PostgreSQL's user may reach the servers' directories."""
    made = Path(tempfile.mkdtemp(prefix="backup "))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def command(run: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of the platform of a run directory, below the tests' own in priority."""
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    (port,) = choose_ports(["web"], {}, taken=0).values()
    chosen = {"PORTFOLIO_PORT": str(port)} if arguments[0] in ("up", "restore") else {}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**inherited, "PORTFOLIO_RUN_DIR": str(run), **chosen},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def manage(run: Path, *arguments: str, status: int = 0) -> str:
    """Run a command and return what it said."""
    with command(run, *arguments) as process:
        said, _ = process.communicate()
    assert process.returncode == status, f"{arguments}: {said}"
    return said


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_platform_is_restored_to_one_moment_of_a_busy_minute(base: Path) -> None:
    run, copy, key = base / "run", base / "backups", base / "key"
    assert "does not run" in manage(run, "backup", str(copy), "--key", str(key), status=1)
    manage(run, "up", "--detach")
    try:
        assert "a key has to be made" in manage(run, "backup", str(copy), status=2)
        with command(run, "checkout", "--count", "600", "--outcome", "mixed") as load:
            manage(run, "backup", str(copy), "--key", str(key))
            assert "A platform runs" in manage(
                run, "restore", str(copy), "--key", str(key), status=1
            )
            load.wait()
    finally:
        manage(run, "down")
    assert key.stat().st_mode & 0o777 == 0o600
    assert "is not empty" in manage(run, "restore", str(copy), "--key", str(key), status=1)

    restored = base / "restored"
    try:
        said = manage(restored, "restore", str(copy), "--key", str(key), "--verify")
        report = json.loads((restored / "restore.json").read_text())
        assert report["lost"] == report["ahead"] == [], said
        (manifest,) = copy.glob("*/manifest.json")
        assert json.loads(manifest.read_text())["verified"]
    finally:
        manage(restored, "down")
