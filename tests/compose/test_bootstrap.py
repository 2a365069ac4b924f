"""The bootstrap installs locked packages with uv, or with pip if that has an index or uv fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compose import bootstrap

Python = Callable[[str], Path]


@pytest.fixture
def python_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Python:
    """A function that makes a `.venv` whose Python records its calls, and runs a shell script."""

    def make(script: str) -> Path:
        program = tmp_path / "bin" / "python"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setattr(bootstrap, "VENV", tmp_path)
        return tmp_path / "calls"

    return make


def test_pip_installs_by_itself_where_it_was_told_an_index(
    python_of_the_environment: Python,
) -> None:
    calls = python_of_the_environment("echo \"global.index-url='https://index.example/simple'\"")

    assert not bootstrap._install_quickly(bootstrap.LOCKS / "run.txt")
    assert calls.read_text().splitlines() == ["-m pip config list"]


def test_where_uv_cannot_be_had_pip_installs(python_of_the_environment: Python) -> None:
    calls = python_of_the_environment('case "$*" in *installer.txt) exit 1;; esac')

    bootstrap._install(bootstrap.LOCKS / "run.txt")

    assert "installer.txt" in calls.read_text().splitlines()[1]
    assert calls.read_text().splitlines()[-1].endswith("run.txt")


def test_uv_is_locked_as_the_rest_is() -> None:
    assert "uv==" in bootstrap.INSTALLER.read_text()
    assert "--hash=sha256:" in bootstrap.INSTALLER.read_text()


def test_a_command_and_its_processes_keep_compiled_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    bootstrap.main([])  # a misuse, which ends at once

    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
    assert not sys.dont_write_bytecode
