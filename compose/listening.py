"""The site's listening socket, given by one web server to the next, so that nobody is refused.

A web server under the supervisor gives it to whoever of its own user asks at a unix socket in the
run directory. One of a revision before upgrades gives nothing: its socket is copied by the kernel.
See docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from compose.leftovers import send_signal
from config.waiting import wait_until

PATIENCE: Final = 5.0  # seconds to give or to take
PIDFD_GETFD: Final = 438  # the same on every processor; Python has no name for it
LISTENING, CLOSED = "0A", "07"
# Places in the kernel's struct tcp_info, in bytes: two times in ms ago, and a count.
LAST_SENT, LAST_RECEIVED, SEGMENTS_SENT = 44, 52, 156
TCP_INFO_SIZE: Final = 160
# A request without an answer for so long is a WebSocket's last word, or will not be answered.
LONGEST_ANSWER: Final = 5000  # ms
# The kernel's clock ticks every 4 ms. Who spoke last in one tick is not known: a file that was
# asked for is answered by then.
SAME_TICK: Final = 20  # ms
LOOK: Final = 0.01  # seconds


def give(path: Path, listening: int) -> None:
    """Give the listening socket, with this process's id, to all who ask at `path` from now on."""
    door = socket.socket(socket.AF_UNIX)
    draft = path.with_name(f".{os.getpid()}")  # not longer: the path of a socket is short
    draft.unlink(missing_ok=True)
    door.bind(str(draft))
    draft.chmod(0o600)
    door.listen()
    draft.replace(path)  # so that one answers at every moment
    threading.Thread(target=_give_to_all, args=(door, listening), daemon=True).start()


def _give_to_all(door: socket.socket, listening: int) -> None:
    while True:
        taker, _ = door.accept()
        with taker, suppress(OSError):
            socket.send_fds(taker, [str(os.getpid()).encode()], [listening])


def take(path: Path) -> tuple[int, int] | None:
    """Return who gives the listening socket at `path`, and a copy of it. None if nobody does."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(PATIENCE)
        try:
            asking.connect(str(path))
            text, descriptors, _, _ = socket.recv_fds(asking, 20, 1)
        except OSError:
            return None
    return (int(text), descriptors[0]) if text and descriptors else None


def giver(path: Path) -> int | None:
    """Return the pid of the web server that serves the public, or None if it gives no socket."""
    taken = take(path)
    if taken is None:
        return None
    os.close(taken[1])
    return taken[0]


def copied(pid: int, port: int) -> int | None:
    """Return a copy of the socket at which another process listens, or None if not allowed."""
    for number, inode, state, _ in _sockets(pid, port):
        if state == LISTENING and inode:
            return _copy(pid, number)
    return None


def end_between_requests(pid: int, port: int, *, within: float) -> bool:
    """Kill a web server in a moment in which it owes nobody an answer, or return False.

    It is paused for each look, so that nothing can begin between the look and the end. New
    connections wait meanwhile, for another process that has the same socket.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        send_signal(pid, signal.SIGSTOP)
        try:
            owes = _owes_an_answer(pid, port)
        except OSError:
            send_signal(pid, signal.SIGCONT)
            return False
        if not owes:
            send_signal(pid, signal.SIGKILL)
            return True
        send_signal(pid, signal.SIGCONT)
        wait_until(lambda: False, within=LOOK, every=LOOK)
    return False


def _owes_an_answer(pid: int, port: int) -> bool:
    """Return whether a client's last word on any connection is newer than the server's.

    Raises OSError when the kernel does not tell.
    """
    for number, _, state, waiting in _sockets(pid, port):
        if state in (LISTENING, CLOSED):
            continue
        if waiting:
            return True
        descriptor = _copy(pid, number)
        if descriptor is None:
            raise OSError(f"the connections of process {pid} cannot be examined")
        with socket.socket(fileno=descriptor) as connection:
            told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
        (sent,) = struct.unpack_from("=I", told, LAST_SENT)
        (received,) = struct.unpack_from("=I", told, LAST_RECEIVED)
        (answers,) = struct.unpack_from("=I", told, SEGMENTS_SENT)
        if received == sent:  # in one tick: the first request came with the connection
            owes = received < (SAME_TICK if answers else LONGEST_ANSWER)
        else:
            owes = received < min(sent, LONGEST_ANSWER)
        if owes:
            return True
    return False


def _sockets(pid: int, port: int) -> Iterator[tuple[int, str, str, bool]]:
    """Yield descriptor, inode, state and whether bytes wait, of a process's sockets at a port."""
    rows: dict[str, tuple[str, bool]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                rows[fields[9]] = (fields[3], fields[4] != "00000000:00000000")
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            kind, _, inode = str(link.readlink()).rstrip("]").partition(":[")
            if kind == "socket" and inode in rows:
                state, waiting = rows[inode]
                yield int(link.name), inode, state, waiting and state != LISTENING


def _copy(pid: int, number: int) -> int | None:
    """Return a copy of another process's descriptor, or None if the kernel refuses it."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, number, 0)
    finally:
        os.close(process)
    return copy if copy >= 0 else None
