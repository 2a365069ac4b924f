"""The supervisor restarts processes, obeys its commands, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from compose import leftovers
from compose.run_directory import RunDirectory
from compose.supervise import DETACH, socket_path
from compose.supervisor import ProcessState, Supervisor, SupervisorError
from tests.conditions import eventually

FOR_EVER = "exec sleep 1000"
DIES_AT_ONCE = "exit 1"


class Toy:
    """A supervisor of processes that a test makes up, and the pipe that `up` would hold."""

    def __init__(self, run: RunDirectory, **commands: str) -> None:
        reader, self.pipe = os.pipe()
        script = Path(__file__).with_name("toy_supervisor.py")
        toys = [f"{name.replace('_', '-')}={command}" for name, command in commands.items()]
        self.run = run
        self.process = subprocess.Popen(
            [sys.executable, script, run.path, str(reader), *toys],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            pass_fds=(reader,),
            start_new_session=True,
        )
        os.close(reader)
        self.client = Supervisor(f"ipc://{socket_path(run, 'supervisor')}")
        eventually(lambda: len(self._names()) == len(toys))

    def _names(self) -> list[str]:
        with suppress(SupervisorError):
            return [found.name for found in self.client.processes()]
        return []

    def runs(self, name: str) -> bool:
        return self.client.process(name).status == "running"

    def lose_up(self) -> None:
        """Close the pipe, as the kernel does when `up` ends for any reason."""
        os.close(self.pipe)
        self.pipe = -1

    def close(self) -> None:
        if self.pipe >= 0:
            self.lose_up()
        self.process.terminate()
        self.process.wait(15)
        leftovers.stop_all(self.run.path)


@pytest.fixture
def toys(run: RunDirectory) -> Iterator[Callable[..., Toy]]:
    made: list[Toy] = []

    def make(**commands: str) -> Toy:
        made.append(Toy(run, **commands))
        return made[-1]

    yield make
    for toy in made:
        toy.close()


def test_reports_the_pid_of_the_real_process(toys: Callable[..., Toy]) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    pid = toy.client.pid("sleeper")
    eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")


def test_a_killed_process_is_back_at_once(toys: Callable[..., Toy]) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    killed = toy.client.kill("sleeper")
    eventually(lambda: toy.client.process("sleeper").pid not in (None, killed))
    assert toy.client.process("sleeper").restarts == 1


def test_a_process_that_dies_at_once_is_started_with_growing_delay(
    toys: Callable[..., Toy],
) -> None:
    toy = toys(doomed=DIES_AT_ONCE)
    eventually(lambda: toy.client.process("doomed").restarts >= 4)
    eventually(lambda: toy.client.process("doomed").status == "waiting")
    assert toy.client.process("doomed").restarts < 7


def test_one_that_keeps_dying_does_not_keep_others_from_service(toys: Callable[..., Toy]) -> None:
    toy = toys(doomed=DIES_AT_ONCE, sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    killed = toy.client.kill("sleeper")
    eventually(lambda: toy.client.process("sleeper").pid not in (None, killed))


def test_a_stopped_process_stays_stopped_until_started(toys: Callable[..., Toy]) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    toy.client.stop("sleeper")
    stopped = toy.client.process("sleeper")
    toy.client.start("sleeper")
    assert (stopped.status, stopped.pid) == ("stopped", None)
    assert toy.runs("sleeper")


def test_restart_ends_one_that_ignores_its_stop_signal(toys: Callable[..., Toy]) -> None:
    toy = toys(deaf="trap '' TERM; while :; do sleep 0.1; done")
    eventually(lambda: toy.runs("deaf"))
    pid = toy.client.pid("deaf")
    toy.client.restart("deaf")
    eventually(lambda: toy.client.process("deaf").pid not in (None, pid))


def test_a_paused_process_is_reported_and_can_be_stopped(toys: Callable[..., Toy]) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    toy.client.kill("sleeper", signal.SIGSTOP)
    eventually(lambda: toy.client.process("sleeper").status == "paused")
    toy.client.stop("sleeper")
    assert toy.client.process("sleeper").status == "stopped"


def test_the_whole_tree_can_be_signalled(toys: Callable[..., Toy]) -> None:
    toy = toys(parent="sleep 1000 & wait")
    eventually(lambda: toy.runs("parent"))
    eventually(lambda: len(toy.client.signal_tree("parent", signal.SIGCONT)) == 2)


def test_an_unknown_process_is_named_in_the_error(toys: Callable[..., Toy]) -> None:
    with pytest.raises(SupervisorError, match="no process 'ghost'"):
        toys(sleeper=FOR_EVER).client.process("ghost")


def test_sigterm_stops_everything(toys: Callable[..., Toy], run: RunDirectory) -> None:
    toy = toys(sleeper=FOR_EVER, other=FOR_EVER, doomed=DIES_AT_ONCE)
    eventually(lambda: toy.runs("other"))
    toy.process.terminate()
    toy.process.wait(5)
    assert leftovers.find(run.path) == []


def test_the_death_of_up_stops_everything(toys: Callable[..., Toy], run: RunDirectory) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    toy.lose_up()
    toy.process.wait(5)
    assert leftovers.find(run.path) == []


def test_a_detached_platform_outlives_its_up(toys: Callable[..., Toy]) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    os.write(toy.pipe, DETACH)
    toy.lose_up()
    killed = toy.client.kill("sleeper")
    eventually(lambda: toy.client.process("sleeper").pid not in (None, killed))


def test_a_killed_supervisor_leaves_only_what_the_next_up_stops(
    toys: Callable[..., Toy], run: RunDirectory
) -> None:
    toy = toys(sleeper=FOR_EVER, deaf="trap '' TERM; while :; do sleep 0.1; done")
    eventually(lambda: toy.runs("deaf"))
    pids = {found.pid for found in toy.client.processes()}
    toy.process.kill()
    toy.process.wait(5)
    left = leftovers.find(run.path)
    leftovers.stop_all(run.path, patience=1.0)
    assert pids <= set(left)
    assert leftovers.find(run.path) == []


def test_a_state_knows_when_the_process_started() -> None:
    state = ProcessState(
        name="web",
        pid=1,
        status="running",
        age=None,
        restarts=0,
        stop_signal=signal.SIGTERM,
        patience=1.0,
        is_server=False,
    )
    assert state.started_at is None
