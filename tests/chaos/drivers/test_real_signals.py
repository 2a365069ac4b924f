"""The Kubernetes driver's signals have the effect that it claims, in a real PID namespace.

The namespace stands for a pod and is made by `unshare`. The command enters it from outside, as an
exec does.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.drivers.kubernetes import SENT, signalling
from compose.supervisor import process_tree
from tests.conditions import eventually

# The processes are children of a shell, as they are children of the sandbox that is PID 1 of a pod.
BESIDE_PID_1 = ("sh", "-c", "sleep 60 & sleep 60 & wait; exec sleep 60")
AS_PID_1 = ("sleep", "60")
UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
SLEEPING, STOPPED = "S", "T"


@pytest.fixture(autouse=True, scope="module")
def namespaces() -> None:
    """Skip these tests where this user may not make a PID namespace.

    Root may, unless it is root only inside a container.
    """
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        pytest.skip("there is no unshare or no nsenter")
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("namespaces may not be made here")


@contextmanager
def pod(*command: str) -> Iterator[int]:
    """Run a command as PID 1 of a new PID namespace, and yield its pid as seen from outside."""
    with subprocess.Popen([*UNSHARE, *command]) as outside:
        try:
            yield eventually(lambda: children(outside.pid))[0]
        finally:
            outside.kill()


def children(pid: int) -> list[int]:
    return [one for one in process_tree(pid) if one != pid]


def state(pid: int) -> str:
    """Return the state of a process as proc(5) abbreviates it, or "" when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def all_are(wanted: str, pids: list[int]) -> bool:
    return {state(pid) for pid in pids} == {wanted}


def execute(first: int, signal: str) -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", f"--target={first}", "--pid", "--mount"]
    return subprocess.run(
        [*enter, *signalling(signal)], capture_output=True, text=True, check=False, timeout=20
    )


def test_everything_beside_pid_1_is_stopped_continued_and_killed() -> None:
    with pod(*BESIDE_PID_1) as first:
        eventually(lambda: len(children(first)) == 2)
        beside = children(first)
        done = execute(first, "STOP")
        assert (done.returncode, done.stdout) == (0, f"{SENT}\n")
        eventually(lambda: all_are(STOPPED, beside))
        eventually(lambda: state(first) == SLEEPING)
        assert execute(first, "CONT").returncode == 0
        eventually(lambda: all_are(SLEEPING, beside))
        assert execute(first, "STOP").returncode == 0
        assert execute(first, "KILL").returncode == 0
        eventually(lambda: all_are("", beside))
        eventually(lambda: state(first) == SLEEPING)


@pytest.mark.parametrize("signal", ["STOP", "KILL"])
def test_a_process_that_is_pid_1_is_spared(signal: str) -> None:
    with pod(*AS_PID_1) as first:
        eventually(lambda: Path(f"/proc/{first}/comm").read_text() == "sleep\n")
        done = execute(first, signal)
        assert done.returncode != 0
        assert "No such process" in done.stderr
        eventually(lambda: state(first) == SLEEPING)
