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

from compose import handover, leftovers
from compose.run_directory import RunDirectory, socket_path
from compose.supervise import DETACH
from compose.supervisor import ProcessState, Supervisor, SupervisorError
from tests.conditions import eventually

FOR_EVER = "exec sleep 1000"
DIES_AT_ONCE = "exit 1"


def toy_command(**commands: str) -> list[str]:
    """Return the command of a supervisor of these processes, but for the options."""
    toys = [f"--toy={name.replace('_', '-')}={command}" for name, command in commands.items()]
    return [sys.executable, str(Path(__file__).with_name("toy_supervisor.py")), *toys]


class Toy:
    """A supervisor of processes that a test makes up, and the pipe that `up` would hold."""

    def __init__(self, run: RunDirectory, *options: str, **commands: str) -> None:
        reader, self.pipe = os.pipe()
        lock = os.open(run.lock_file, os.O_RDWR | os.O_CREAT)
        descriptors = ["--lock", str(lock), "--owner", str(reader)]
        self.run = run
        self.process = subprocess.Popen(
            [*toy_command(**commands), str(run.path), *descriptors, *options],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            pass_fds=(reader, lock),
            start_new_session=True,
        )
        os.close(reader)
        os.close(lock)
        self.client = Supervisor(f"ipc://{socket_path(run, 'supervisor')}")
        eventually(lambda: len(self._names()) == len(commands))

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

    def make(*options: str, **commands: str) -> Toy:
        made.append(Toy(run, *options, **commands))
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


LATER = "exec sleep 2000"  # what the next revision runs


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def hand_over(toy: Toy, **commands: str) -> None:
    """Let the supervisor become that of other processes, and return when it is."""
    started = Path(f"/proc/{toy.process.pid}/cmdline").read_bytes()
    toy.client.hand_over(toy_command(**commands), Path("/"))
    eventually(lambda: Path(f"/proc/{toy.process.pid}/cmdline").read_bytes() != started)
    eventually(lambda: set(toy._names()) >= {name.replace("_", "-") for name in commands})


def test_the_next_supervisor_has_the_same_pid_and_the_same_children(
    toys: Callable[..., Toy],
) -> None:
    toy = toys(sleeper=FOR_EVER, other=FOR_EVER)
    before = {name: toy.client.pid(name) for name in ("sleeper", "other")}
    hand_over(toy, sleeper=LATER, other=LATER)
    assert {name: toy.client.pid(name) for name in ("sleeper", "other")} == before
    assert toy.process.poll() is None


def test_an_adopted_process_that_dies_is_started_as_it_was_until_it_is_renewed(
    toys: Callable[..., Toy],
) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    hand_over(toy, sleeper=LATER)

    def killed() -> list[str]:
        before = toy.client.kill("sleeper")
        eventually(lambda: toy.client.process("sleeper").pid not in (None, before))
        eventually(lambda: "sleep" in command_of(toy.client.pid("sleeper")))
        return command_of(toy.client.pid("sleeper"))

    assert "1000" in killed()
    toy.client.renew("sleeper")
    assert "2000" in killed()
    toy.client.revert("sleeper")
    assert "1000" in killed()


def test_the_next_process_runs_beside_the_one_before_until_that_ends(
    toys: Callable[..., Toy],
) -> None:
    toy = toys(sleeper=FOR_EVER)
    eventually(lambda: toy.runs("sleeper"))
    hand_over(toy, sleeper=LATER)
    before = toy.client.pid("sleeper")
    beside = toy.client.start_beside("sleeper", {"TRIAL": "yes"})
    assert toy.client.pid("sleeper") == before != beside
    os.kill(before, signal.SIGKILL)
    eventually(lambda: toy.client.process("sleeper").pid == beside)
    assert "TRIAL=yes" in Path(f"/proc/{beside}/environ").read_text().split("\0")
    toy.client.kill("sleeper")
    eventually(lambda: toy.client.process("sleeper").pid not in (None, beside))
    environment = Path(f"/proc/{toy.client.pid('sleeper')}/environ").read_text()
    assert "TRIAL=yes" not in environment.split("\0")


def test_the_next_supervisor_keeps_what_it_has_no_process_for_until_it_is_told_to_stop_it(
    toys: Callable[..., Toy],
) -> None:
    toy = toys(sleeper=FOR_EVER, leaving=FOR_EVER)
    before = toy.client.pid("leaving")
    hand_over(toy, sleeper=LATER, coming=LATER)
    assert toy.client.pid("leaving") == before
    eventually(lambda: toy.runs("coming"))


def test_the_next_supervisor_still_ends_with_its_up(toys: Callable[..., Toy]) -> None:
    toy = toys(sleeper=FOR_EVER)
    pid = toy.client.pid("sleeper")
    hand_over(toy, sleeper=LATER)
    toy.lose_up()
    toy.process.wait(15)
    assert not Path(f"/proc/{pid}").exists()


def test_processes_of_a_killed_supervisor_are_adopted_and_kept_alive(
    toys: Callable[..., Toy],
) -> None:
    before = toys(sleeper=FOR_EVER)
    eventually(lambda: before.runs("sleeper"))
    found = before.client.processes()
    handover.write(before.run, [handover.as_left(one) for one in found])
    before.process.kill()
    before.process.wait()
    after = toys("--adopt", sleeper=LATER)
    assert after.client.pid("sleeper") == found[0].pid
    killed = after.client.kill("sleeper")
    eventually(lambda: after.client.process("sleeper").pid not in (None, killed))
