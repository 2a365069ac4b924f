"""The run directory is private, and `up` says why it cannot use one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from compose.errors import PlainError
from compose.run_directory import RunDirectory, socket_path, write_private
from tests.commands import manage


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_secrets_and_logs_are_ours_alone(run: RunDirectory) -> None:
    run.secret("broker")
    assert mode(run.secrets) == 0o700
    assert mode(run.secrets / "broker") == 0o600
    assert mode(run.log("web").parent) == 0o700


def test_other_users_may_pass_but_not_look(run: RunDirectory) -> None:
    assert mode(run.path) == 0o711


def test_a_secret_is_made_once(run: RunDirectory) -> None:
    assert run.secret("broker") == run.secret("broker")
    assert run.secret("broker") != run.secret("redis")


def test_state_is_merged(run: RunDirectory) -> None:
    run.update_state(ports={"web": 1})
    run.update_state(prepared="x")
    assert run.read_state() == {"ports": {"web": 1}, "prepared": "x"}


def test_a_damaged_state_is_forgotten(run: RunDirectory) -> None:
    write_private(run.state_file, "{half")
    assert run.read_state() == {}


def test_addresses_are_private(run: RunDirectory) -> None:
    run.write_addresses({"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert json.loads(run.platform_file.read_text()) == {"REDIS_URL": "redis://127.0.0.1:1/0"}
    assert mode(run.platform_file) == 0o600


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(PlainError, match="is, or lies under, a file"):
            RunDirectory(path).make()


def test_a_place_where_nothing_can_be_written_is_named() -> None:
    with pytest.raises(PlainError, match=r"The run directory /proc/run .* PORTFOLIO_RUN_DIR"):
        RunDirectory(Path("/proc/run")).make()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_of_somebody_else_is_named() -> None:
    with pytest.raises(PlainError, match="may not be read or written by this user"):
        RunDirectory(Path("/root/run")).make()


def test_a_full_disk_is_told_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 120 * 1024**2))
    with pytest.raises(PlainError, match=r"Only 120 MB are free .* needs 500"):
        RunDirectory(tmp_path).make()


def test_up_says_it_without_a_traceback() -> None:
    done = manage("up", PORTFOLIO_RUN_DIR="/proc/run")
    assert done.returncode == 1
    assert done.stderr.startswith("The run directory /proc/run")
    assert len(done.stderr.splitlines()) == 1


def test_the_socket_moves_when_its_path_is_too_long(tmp_path: Path) -> None:
    near = RunDirectory(tmp_path)
    far = RunDirectory(tmp_path / ("long" * 30))
    near.make()
    far.make()
    if len(str(tmp_path)) < 80:
        assert socket_path(near, "supervisor").parent == tmp_path
    assert len(str(socket_path(far, "supervisor"))) < 108
    assert mode(socket_path(far, "supervisor").parent) == 0o700
    socket_path(far, "supervisor").parent.rmdir()
