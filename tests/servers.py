"""Private servers for tests that need a server of their own and no platform."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compose.servers.postgres import binaries
from compose.system_packages import redis_server


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_server_user() -> list[str]:
    """Return the prefix that runs a command as PostgreSQL's user. Only root needs one."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def make_cluster(data: Path, *, password: str) -> None:
    """Make a PostgreSQL data directory whose superuser `postgres` has this password."""
    home = data.parent
    home.mkdir(exist_ok=True)
    secret = home / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        home.chmod(0o711)
        shutil.chown(home, "postgres", "postgres")
        shutil.chown(secret, "postgres", "postgres")
    subprocess.run(
        [
            *as_server_user(), str(binaries() / "initdb"), "--no-sync", "-D", str(data),
            "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8",
        ],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip


def postgres_command(data: Path, port: int) -> list[str]:
    """Return the command of a PostgreSQL server without fsync, on a port of 127.0.0.1."""
    return [
        *as_server_user(), str(binaries() / "postgres"), "-D", str(data), "-p", str(port), "-F",
        "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
        "-c", "log_line_prefix=%m [%p] %u ",
    ]  # fmt: skip


def redis_command(port: int, password: str) -> list[str]:
    """Return the command of a Redis server that keeps nothing, on a port of 127.0.0.1."""
    return [
        str(redis_server()), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", password,
        "--save", "", "--logfile", "/dev/null",
    ]  # fmt: skip


@contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """Make a folder for the length of the block, which other users may enter, unlike pytest's.

    Its path is short enough for the sockets of servers.
    """
    made = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def serving(
    command: Sequence[str], *, log: Path, folder: str | Path = "/"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of the block, and end it as PostgreSQL ends fast."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
