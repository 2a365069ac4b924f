"""One web server replaced by the next without a refused connection.

The next one is tried at a port of its own. Then it gets the listening socket of the one before,
which finishes what it has begun. See docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from compose import listening
from compose.errors import PlainError
from compose.leftovers import send_signal, wait_until_gone
from compose.ports import answers, choose_ports
from compose.run_directory import RunDirectory, socket_path
from compose.supervisor import Supervisor
from config.waiting import wait_until

NAME: Final = "web"
READY_WITHIN: Final = 60.0  # seconds; on an idle machine it takes four
SERVES_WITHIN: Final = 10.0  # seconds
LOOK: Final = 0.02  # seconds
DRAINED_WITHIN: Final = 60.0  # seconds; no request takes longer (portfolio/server.py)
QUIET_WITHIN: Final = 60.0  # seconds in which a server that does not drain is watched for a pause


def replace_web(run: RunDirectory, port: int, supervisor: Supervisor) -> None:
    """Replace the web server, or raise PlainError with the one before still serving."""
    before = supervisor.pid(NAME)
    door = socket_path(run, NAME)
    drains = listening.giver(door) == before
    copy = None if drains else listening.copied(before, port)
    if copy is not None:
        listening.give(door, copy)
    now = _tried(supervisor, port)
    try:
        if drains or copy is not None:
            _let_serve(now, door)
            _end(before, port, drains=drains)
        else:  # the port is free for as long as the next one needs to bind it
            _end(before, port, drains=False)
            _let_serve(now, door)
    except BaseException:
        if Path(f"/proc/{before}").exists():
            supervisor.revert(NAME)
            send_signal(now, signal.SIGTERM)
        raise


def _tried(supervisor: Supervisor, port: int) -> int:
    """Return the pid of this revision's web server, which answers at a port of its own."""
    trial = choose_ports(["trial"], {}, taken=port)["trial"]
    pid = supervisor.start_beside(NAME, {"WEB_TRIAL_PORT": str(trial)})

    def is_ready() -> bool:
        if not Path(f"/proc/{pid}").exists():
            raise PlainError("This revision's web server ends as soon as it is started.")
        return all(answers(trial, path, timeout=5) for path in ("/healthz", "/readyz"))

    try:
        wait_until(
            is_ready,
            within=READY_WITHIN,
            every=LOOK,
            failure=PlainError(
                f"This revision's web server is not ready after {READY_WITHIN:.0f} s."
            ),
        )
    except BaseException:
        supervisor.revert(NAME)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise
    return pid


def _let_serve(pid: int, door: Path) -> None:
    send_signal(pid, signal.SIGUSR1)
    wait_until(
        lambda: listening.giver(door) == pid,
        within=SERVES_WITHIN,
        every=LOOK,
        failure=PlainError("This revision's web server does not take the listening socket."),
    )


def _end(pid: int, port: int, *, drains: bool) -> None:
    """End the web server before: by its own drain, or between two requests if it has none."""
    if drains:
        send_signal(pid, signal.SIGTERM)
    elif not listening.end_between_requests(pid, port, within=QUIET_WITHIN):
        # SIGTERM would have it shut the listening socket down, for the next server too.
        send_signal(pid, signal.SIGKILL)
    for left in wait_until_gone([pid], patience=DRAINED_WITHIN):
        send_signal(left, signal.SIGKILL)
