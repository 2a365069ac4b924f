"""A platform that was started on an earlier revision comes up on this one, with its data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from compose.ports import choose_ports
from config.environment import ROOT
from tests.servers import open_folder

# The last one in which packages imported each other in a circle (docs/adr/0031-one-direction.md).
BEFORE = "5c23fdc1b76eb17b2899ffd25e70c282e93db19b"
CHECKOUTS = 12
# What this process has set for its own revision.
OURS = {"STATIC_DIRECTORY", "DJANGO_SETTINGS_MODULE"}


class Installation:
    """One run directory, on which commands of different revisions work."""

    def __init__(self, base: Path) -> None:
        self.port = choose_ports(["web"], {}, taken=0)["web"]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in OURS},
            "PORTFOLIO_RUN_DIR": str(base / "run"),
            "PORTFOLIO_PORT": str(self.port),
        }

    def manage(self, code: Path, *arguments: str) -> str:
        """Run a command of the revision in `code`; return its standard output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=code,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def page(self, path: str) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            text: str = answer.read().decode()
            return text


@pytest.fixture
def base() -> Iterator[Path]:
    with open_folder("upgrade") as made:
        yield made


@pytest.fixture
def earlier(base: Path) -> Path:
    """The code of the earlier revision, which makes its own environment."""
    known = subprocess.run(["git", "cat-file", "-e", BEFORE], cwd=ROOT, check=False)
    if known.returncode:
        pytest.skip("this clone is shallow: it does not have the earlier revision")
    code = base / "earlier"
    code.mkdir()
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(code)], input=archive.stdout, check=True)
    return code


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
