"""A run directory has one platform, and the next start stops what a dead one left running."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose import leftovers, platform
from compose.errors import PlainError
from compose.lock import Lock, holder
from compose.progress import silent
from compose.run_directory import RunDirectory
from config.environment import ROOT
from config.waiting import wait_until


def start_marked(run_directory: Path, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    marks = {leftovers.MARK: str(run_directory), **environment}
    process = subprocess.Popen(
        command or ("sleep", "1000"), env={"PATH": os.environ["PATH"], **marks}
    )
    wait_until(
        lambda: Path(f"/proc/{process.pid}/comm").read_text() != "python\n",
        within=5,
        every=0.1,
        failure=TimeoutError("it did not start"),
    )
    return process


@pytest.fixture
def leftover(run: RunDirectory) -> Iterator[subprocess.Popen[bytes]]:
    process = start_marked(run.path)
    yield process
    process.kill()
    process.wait()


def test_a_lock_is_held_once(run: RunDirectory) -> None:
    first, second = Lock(run.lock_file), Lock(run.lock_file)
    assert (first.acquire(), second.acquire()) == (True, False)
    first.close()
    assert second.acquire()
    second.close()


def test_the_holder_describes_itself(run: RunDirectory) -> None:
    held = Lock(run.lock_file)
    held.acquire()
    held.describe(up=1, address="http://127.0.0.1:8000/")
    held.describe(up=1)
    assert holder(run.lock_file) == {"up": 1}
    held.close()
    assert holder(run.lock_file) is None


def test_a_second_up_says_where_the_first_runs(run: RunDirectory) -> None:
    held = Lock(run.lock_file)
    held.acquire()
    held.describe(up=os.getpid(), supervisor=12, address="http://127.0.0.1:8000/")
    with pytest.raises(
        PlainError, match=r"already runs at http://127\.0\.0\.1:8000/ \(process 12\)"
    ):
        platform._take_lock(run, silent())
    held.close()


def test_down_without_a_platform_stops_nothing(run: RunDirectory) -> None:
    assert platform.stop(run.path) is False


def test_a_leftover_is_found_by_its_mark(
    run: RunDirectory, leftover: subprocess.Popen[bytes]
) -> None:
    assert leftovers.find(run.path) == [leftover.pid]


def test_the_mark_is_matched_exactly(run: RunDirectory, leftover: subprocess.Popen[bytes]) -> None:
    assert leftovers.find(run.path / "test") == []
    assert leftovers.find(run.path.parent) == []


def test_a_shell_that_only_exports_the_run_directory_is_left_alone(run: RunDirectory) -> None:
    other = start_marked(Path("/elsewhere"), PORTFOLIO_RUN_DIR=str(run.path))
    try:
        assert leftovers.find(run.path) == []
    finally:
        other.kill()
        other.wait()


def test_we_are_not_our_own_leftover(run: RunDirectory) -> None:
    code = (
        "import pathlib, sys; from compose import leftovers;"
        "print(leftovers.find(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, run.path],
        env={**os.environ, leftovers.MARK: str(run.path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_a_database_server_is_found_by_its_data_directory(run: RunDirectory) -> None:
    data = run.data("postgres")
    server = start_marked(Path("/elsewhere"), "sh", "-c", "sleep 1000; :", "sh", str(data))
    try:
        wait_until(  # between fork and exec, its child has the same command line
            lambda: leftovers.find(run.path, data_directories=[data]) == [server.pid],
            within=5,
            every=0.1,
            failure=TimeoutError("other processes were found as well, or none"),
        )
    finally:
        leftovers.stop([server.pid, *leftovers.find(Path("/elsewhere"))])
        server.wait()


def test_down_stops_leftovers_even_paused_ones(
    run: RunDirectory, leftover: subprocess.Popen[bytes]
) -> None:
    leftover.send_signal(19)
    assert platform.stop(run.path) is True
    assert leftover.wait(5) == -15
