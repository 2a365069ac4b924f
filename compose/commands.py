"""Our own commands, inside the environment."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Final

from compose import arguments, platform, suite, system_packages
from compose import upgrade as upgrades
from compose.backups import backup as backups
from compose.backups import restore as restores
from compose.backups import verification
from compose.backups.store import Store
from compose.progress import Progress
from compose.run_directory import RunDirectory
from compose.supervisor import Supervisor, SupervisorError
from config.environment import ROOT, run_directory
from config.revision import running_revision

LOOK: Final = 1.0  # seconds between checks of the processes while `up` follows them


class Interrupted(BaseException):
    """SIGTERM or SIGHUP while starting: unwinds like Ctrl-C, and stops what was started."""


def run(command: str, rest: Sequence[str]) -> int:
    """Run one of OWN_COMMANDS and return its exit status."""
    match command:
        case "up":
            return _up(arguments.parse_up(rest))
        case "down":
            return _down()
        case "upgrade":
            return _upgrade()
        case "backup":
            return _backup(arguments.parse_backup(rest))
        case "restore":
            return _restore(arguments.parse_restore(rest))
        case _:
            return _test(rest)


def _up(asked: arguments.UpArguments) -> int:
    progress = Progress()
    stop = threading.Event()
    _interrupt_on_signals()
    try:
        running = platform.start(
            run_directory(),
            port=asked.port,
            detach=asked.detach,
            recreate_missing=asked.recreate_missing,
            progress=progress,
        )
    except (KeyboardInterrupt, Interrupted):
        return 130
    if asked.detach:
        progress.say(running.address)
        progress.say(running.way_in)
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop.set())
    progress.say(f"The platform runs at {running.address} – press Ctrl-C to stop it.")
    progress.say(running.way_in)
    ended_early = _follow(running, stop, progress)
    with progress.step("Stopping everything"):
        running.stop()
    return 1 if ended_early else 0


def _interrupt_on_signals() -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _follow(running: platform.Platform, stop: threading.Event, progress: Progress) -> bool:
    """Report each restart until the platform is stopped, by a signal or from outside.

    Returns True when the supervisor has ended with an error, not by a signal or `down`.
    """
    supervisor = Supervisor.connect(running.run.path)
    restarts: dict[str, int] = {}
    while not stop.wait(LOOK):
        if running.supervisor.poll() is not None:
            progress.say("The platform was stopped from outside.")
            return running.supervisor.returncode != 0
        try:
            processes = supervisor.processes()
        except SupervisorError:
            continue
        for found in processes:
            if found.restarts > restarts.get(found.name, found.restarts):
                progress.say(f"{found.name} ended and was started again (process {found.pid}).")
            restarts[found.name] = found.restarts
    return False


def _down() -> int:
    stopped = platform.stop(run_directory())
    print("The platform has stopped." if stopped else "The platform was not running.")
    return 0


def _upgrade() -> int:
    progress = Progress()
    _interrupt_on_signals()
    try:
        address = upgrades.upgrade(run_directory(), progress)
    except (KeyboardInterrupt, Interrupted):
        return 130
    progress.say(f"{address} is served by {running_revision().words}.")
    return 0


def _backup(asked: arguments.BackupArguments) -> int:
    progress = Progress()
    base = backups.back_up(RunDirectory(run_directory()), asked.directory, asked.key, progress)
    progress.say(
        f"{asked.directory} holds the backup {base.id}, {base.size / 1e6:.0f} MB. It is not "
        "verified yet: restore it into an empty run directory with --verify."
    )
    return 0


def _restore(asked: arguments.RestoreArguments) -> int:
    progress = Progress()
    system_packages.require(["postgresql"])
    run = RunDirectory(run_directory())
    store = Store.open(asked.directory)
    plan = restores.restore(run, store, asked.key, asked.to, progress)
    for line in restores.report_lines(restores.read_report(run)):
        progress.say(line)
    progress.say(f"This report is kept in {run.path / restores.REPORT}.")
    if not asked.verify:
        progress.say("Start the platform with `python3 manage.py up`.")
        return 0
    return 0 if verification.verify(run, store, plan.base, progress) else 1


def _test(rest: Sequence[str]) -> int:
    """Run pytest, whose fixtures start the platform. The whole suite runs in parts."""
    system_packages.require(system_packages.NEEDED)
    if not suite.is_whole(rest):
        return subprocess.run([*suite.PYTEST, *rest], cwd=ROOT, check=False).returncode
    return suite.run_whole(rest)
