"""A platform is backed up under load, restored elsewhere, and no invariant is violated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from compose.backups.status import BackupStatus
from compose.backups.store import Store, now
from compose.ports import choose_ports
from compose.run_directory import RunDirectory
from compose.servers.postgres import Postgres, data_home
from config.environment import ROOT
from tests.conditions import eventually

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


def accepted(run: Path) -> dict[Any, datetime]:
    """Return when each checkout was accepted, by its id."""
    directory = RunDirectory(run)
    port = directory.read_state()["ports"]["postgres-site"]
    site = Postgres(database="site", port=port, run=directory)
    with site.superuser("site") as session:
        return dict(session.execute("SELECT id, accepted_at FROM checkout_request").fetchall())


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_platform_whose_disk_was_lost_comes_back_as_of_one_moment(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backed up by hand and by schedule under load, deleted, and restored where it was."""
    monkeypatch.setenv("BACKUP_EVERY", "0.001")
    monkeypatch.setenv("BACKUP_KEEP", "1")
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
            load.communicate()
        store = Store.open(copy)
        (by_hand,) = store.bases()

        def scheduled() -> bool:
            status = BackupStatus.read(run)
            return status is not None and status.checked is not None

        eventually(scheduled, within=300, every=0.5)
        (by_schedule,) = store.bases()
        assert by_schedule.started > by_hand.ended
        shown = json.loads(manage(run, "cluster", "status", "--json"))["backups"]
        assert datetime.fromisoformat(shown["ended"]) == by_schedule.ended
        assert shown["damage"] == shown["failure"] == shown["unarchived"] == ""
        with command(run, "checkout", "--count", "300", "--outcome", "mixed") as load:
            load.communicate()
        # The last moment is that of the last batch but one.
        loaded = now()
        eventually(lambda: sum(b.at > loaded for b in store.batches()) > 1, within=300, every=0.5)
        before = accepted(run)
        assert len(before) >= 900
    finally:
        manage(run, "down")
    assert key.stat().st_mode & 0o777 == 0o600
    assert "is not empty" in manage(run, "restore", str(copy), "--key", str(key), status=1)
    shutil.rmtree(data_home(RunDirectory(run)))
    shutil.rmtree(run)

    moment = store.last_moment()
    assert moment is not None
    try:
        said = manage(run, "restore", str(copy), "--key", str(key), "--verify")
        report = json.loads((run / "restore.json").read_text())
        assert report["lost"] == report["ahead"] == [], said
        assert [base.id for base in store.bases() if base.verified] == [by_schedule.id]
        manage(run, "up", "--detach")
        kept = accepted(run)
    finally:
        manage(run, "down")
    # A checkout is accepted at the time at which its transaction begins.
    clearly = moment - timedelta(seconds=5)
    assert [one for one, at in before.items() if at < clearly and one not in kept] == []
    assert [one for one, at in before.items() if at > moment and one in kept] == []
