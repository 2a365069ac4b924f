"""A run directory of the test's own, the ports of its servers, and the platform's processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose.process import Process
from compose.processes import PORTS, services
from compose.run_directory import RunDirectory

ALL_PORTS = {name: 20000 + number for number, name in enumerate(PORTS)}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """An empty run directory."""
    made = RunDirectory(tmp_path / "run")
    made.make()
    return made


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Process]:
    """Every process of the platform, with one worker for each service."""
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))
    monkeypatch.delenv("REPLICAS", raising=False)
    return {process.name: process for process in services()}
