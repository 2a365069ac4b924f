"""The supervisor's own process: `python -m compose.supervise RUN-DIRECTORY …`.

`up` starts it and holds the other end of a pipe. When that end closes before `up` has
written that it detaches, the supervisor stops everything: a killed `up` leaves nothing.
With `--adopt` it takes over what an earlier supervisor has left (docs/adr/0047-upgrade.md).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import signal
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compose import handover, leftovers, outside
from compose.backups import schedule
from compose.circus_overrides import PatientArbiter, PatientWatcher
from compose.process import Process
from compose.processes import local_servers, services
from compose.run_directory import RunDirectory, socket_path

DETACH: Final = b"d"
LARGEST_LOG: Final = 20 * 1024**2  # bytes; two generations of 30 logs stay under 1.2 GB
LOG_LOOK: Final = 30.0  # seconds
OPEN_FILES: Final = 65536  # what RabbitMQ asks for, where the hard limit allows it
KEPT_FOR_SERVERS: Final = frozenset({"LANG", "TZ", "TMPDIR"})


def main() -> None:
    options = _arguments()
    run = RunDirectory(options.run_directory)
    os.umask(0o077)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    servers = [
        server.process()
        for server in local_servers(run, run.read_state()["ports"], outside.environment())
    ]
    watchers = [*watch(run, servers), *watch(run, services(), autostart=not options.hold_services)]
    if options.adopt:
        watchers += adopt(run, watchers)
    asyncio.run(supervise(run, watchers, owner=options.owner, lock=options.lock))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compose.supervise", description=__doc__)
    parser.add_argument("run_directory", type=Path)
    parser.add_argument("--owner", type=int, help="reading end of up's pipe, unless it detached")
    parser.add_argument("--lock", type=int, required=True, help="the lock of the run directory")
    parser.add_argument("--upgrade", help="a name of the upgrade that started it")
    parser.add_argument("--adopt", action="store_true", help="take over what runs")
    parser.add_argument("--hold-services", action="store_true", help="start servers only")
    return parser.parse_args()


def watch(
    run: RunDirectory, processes: Iterable[Process], *, autostart: bool = True
) -> list[PatientWatcher]:
    """Return the watchers of these processes, each with its environment and log."""
    surroundings = outside.environment()
    marks = {leftovers.MARK: str(run.path), "PORTFOLIO_RUN_DIR": str(run.path)}
    # A server takes its settings from its own files, never from the user's shell.
    bare = {name: value for name, value in surroundings.items() if name in KEPT_FOR_SERVERS}
    bare["PATH"] = f"{surroundings.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
    full = {**surroundings, "PYTHONUNBUFFERED": "1"}
    return [
        PatientWatcher(
            process,
            environment={**(bare if process.is_server else full), **marks},
            log=run.log(process.name),
            autostart=autostart,
        )
        for process in processes
    ]


def adopt(run: RunDirectory, watchers: Iterable[PatientWatcher]) -> list[PatientWatcher]:
    """Give each watcher the process that runs by its name, and return watchers of the others.

    Those are processes that this revision does not have. The upgrade stops them.
    """
    left = handover.read(run)
    for watcher in watchers:
        if watcher.name in left:
            watcher.adopt(left.pop(watcher.name))
    others = []
    for one in left.values():
        process = handover.running(one)
        if process is not None:
            others += watch(run, [process])
            others[-1].adopt(one)
    return others


@dataclass
class Owner:
    """The `up` that started this platform: the end of its pipe, until it detaches."""

    pipe: int | None

    def watch(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
        """Set `stop` when the pipe closes before `up` has detached."""
        if self.pipe is not None:
            os.set_inheritable(self.pipe, False)
            loop.add_reader(self.pipe, self._read, loop, stop)

    def _read(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
        pipe, self.pipe = self.pipe, None
        if pipe is None:
            return
        loop.remove_reader(pipe)
        if os.read(pipe, 1) != DETACH:  # the end of the pipe: `up` has died
            stop.set()
        os.close(pipe)


async def supervise(
    run: RunDirectory, watchers: list[PatientWatcher], *, owner: int | None, lock: int
) -> None:
    """Run the watchers until a signal or the death of `up`, then stop them all."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    watched = Owner(owner)
    os.set_inheritable(lock, False)

    def hand_over(command: list[str], folder: Path) -> None:
        handover.write(run, arbiter.left())
        options = [str(run.path), "--lock", str(lock), "--adopt"]
        if watched.pipe is not None:
            options += ["--owner", str(watched.pipe)]
        kept = [one for one in (lock, watched.pipe) if one is not None]
        handover.replace_supervisor([*command, *options], folder, kept=kept)

    arbiter = PatientArbiter(
        watchers,
        endpoint=f"ipc://{socket_path(run, 'supervisor')}",
        events=f"ipc://{socket_path(run, 'events')}",
        hand_over=hand_over,
    )
    # After the arbiter, which installs handlers of its own.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGCHLD, arbiter.manage_watchers)
    watched.watch(loop, stop)
    await arbiter.start()
    # A thread that nothing waits for: what it has not archived, it archives after the next start.
    threading.Thread(target=schedule.keep_backing_up, args=(run,), daemon=True).start()
    trimmer = asyncio.create_task(_trim_logs(run))
    await stop.wait()
    trimmer.cancel()
    stopped = asyncio.Event()
    arbiter.when_free(lambda: arbiter.stop().add_done_callback(lambda _: stopped.set()))
    await stopped.wait()
    await asyncio.sleep(0)  # the arbiter closes its sockets in the loop's next turn


async def _trim_logs(run: RunDirectory) -> None:
    """Keep each log and one older generation. The writers append, so truncation is safe."""
    while True:
        for log in _large(list(run.log("any").parent.glob("*.log"))):
            await asyncio.to_thread(shutil.copyfile, log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
        await asyncio.sleep(LOG_LOOK)


def _large(logs: Sequence[Path]) -> list[Path]:
    return [log for log in logs if log.stat().st_size > LARGEST_LOG]


if __name__ == "__main__":
    main()
