"""A platform that was started on an earlier revision becomes this one, with its data.

Stopped and started, and under load.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from compose.ports import choose_ports
from compose.supervisor import Supervisor
from config.environment import ROOT
from config.revision import running_revision
from tests.compose.upgrade_load import Visitors
from tests.conditions import eventually
from tests.servers import open_folder

# The last one in which packages imported each other in a circle (docs/adr/0031-one-direction.md).
BEFORE = "5c23fdc1b76eb17b2899ffd25e70c282e93db19b"
# The last one without backups, least privilege and upgrades (docs/adr/0047-upgrade.md).
WITHOUT_UPGRADES = "ec55e0b"
CHECKOUTS = 12
# Logins that change several times while a platform is upgraded.
SHORT_LEASES = {"DATABASE_LEASE_TTL": "8", "DATABASE_LEASE_MAX_TTL": "16"}
# What this process has set for its own revision.
OURS = {"STATIC_DIRECTORY", "DJANGO_SETTINGS_MODULE"}


class Installation:
    """One run directory, on which commands of different revisions work."""

    def __init__(self, base: Path, **variables: str) -> None:
        self.port = choose_ports(["web"], {}, taken=0)["web"]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in OURS},
            "PORTFOLIO_RUN_DIR": str(base / "run"),
            "PORTFOLIO_PORT": str(self.port),
            **variables,
        }
        self.run = base / "run"
        self.site = f"http://127.0.0.1:{self.port}"

    def manage(self, code: Path, *arguments: str) -> str:
        """Run a command of the revision in `code`; return its standard output."""
        done = self.attempt(code, *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, code: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=code,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def page(self, path: str) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            text: str = answer.read().decode()
            return text


@pytest.fixture
def base() -> Iterator[Path]:
    with open_folder("upgrade") as made:
        yield made


def checked_out(revision: str, folder: Path) -> Path:
    """Return the code of a revision, which makes its own environment."""
    known = subprocess.run(["git", "cat-file", "-e", revision], cwd=ROOT, check=False)
    if known.returncode:
        pytest.skip("this clone is shallow: it does not have the earlier revision")
    folder.mkdir()
    archive = subprocess.run(
        ["git", "archive", revision], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


@pytest.fixture
def earlier(base: Path) -> Path:
    return checked_out(BEFORE, base / "earlier")


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_checkouts_of_the_earlier_revision_are_there_and_everything_is_conserved(
    base: Path, earlier: Path
) -> None:
    installation = Installation(base)
    installation.manage(earlier, "up", "--detach")
    try:
        asked = ("checkout", "--count", str(CHECKOUTS), "--wait", "--json")
        began: dict[str, Any] = json.loads(installation.manage(earlier, *asked))
        installation.manage(earlier, "down")
        installation.manage(ROOT, "up", "--detach")
        again: dict[str, Any] = json.loads(installation.manage(ROOT, *asked))
        assert again["completed"] == began["completed"] == CHECKOUTS
        assert "completed" in installation.page(f"/sagas/{began['checkouts'][0]['id']}/")
        installation.manage(ROOT, "cluster", "verify")
    finally:
        installation.manage(ROOT, "down")


def folders(run: Path) -> dict[str, str]:
    """Return the folder that each process of ours was started in: that of its revision."""
    return {
        found.name: str(Path(f"/proc/{found.pid}/cwd").readlink())
        for found in Supervisor.connect(run).processes()
        if not found.is_server and found.pid is not None
    }


def servers(run: Path) -> dict[str, int | None]:
    """Return the pids of the databases, the broker, Redis and OpenBao."""
    return {
        found.name: found.pid
        for found in Supervisor.connect(run).processes()
        if found.is_server and found.name != "unsealer"
    }


def copied(folder: Path) -> Path:
    """Return a second checkout of this revision, with the same environment."""
    other = shutil.ignore_patterns(".git", ".run", ".venv", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=other)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def upgraded_under_load(installation: Installation, code: Path) -> None:
    """Upgrade to a revision while visitors ask, and find that none of them has noticed."""
    visitors, before = Visitors(installation.site), servers(installation.run)
    with visitors.visiting():
        eventually(lambda: visitors.answered > 100, within=60.0)
        installation.manage(code, "upgrade")
        so_far = visitors.answered
        eventually(lambda: visitors.answered > so_far + 100, within=60.0)
    ends = visitors.await_ends()
    installation.manage(code, "cluster", "verify")
    assert visitors.failures == [], f"of {visitors.answered} answered"
    assert set(ends) == {"completed"}
    assert set(folders(installation.run).values()) == {str(code)}
    assert servers(installation.run) == before


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_request_fails_while_a_revision_without_upgrades_is_replaced(base: Path) -> None:
    earlier = checked_out(WITHOUT_UPGRADES, base / "earlier")
    installation = Installation(base, **SHORT_LEASES)
    installation.manage(earlier, "up", "--detach")
    try:
        upgraded_under_load(installation, ROOT)
        assert running_revision().short in installation.page("/source/")
    finally:
        installation.manage(ROOT, "down")


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_that_does_not_come_up_is_put_back_and_one_that_does_replaces_this(
    base: Path,
) -> None:
    installation = Installation(base, **SHORT_LEASES)
    broken, whole = copied(base / "broken"), copied(base / "whole")
    with (broken / "portfolio" / "asgi.py").open("a") as module:
        module.write("\nraise RuntimeError\n")
    installation.manage(ROOT, "up", "--detach")
    try:
        refused = installation.attempt(broken, "upgrade")
        assert refused.returncode == 1
        assert "This revision's web server ends as soon as it is started." in refused.stderr
        assert set(folders(installation.run).values()) == {str(ROOT)}
        upgraded_under_load(installation, whole)
    finally:
        installation.manage(ROOT, "down")
