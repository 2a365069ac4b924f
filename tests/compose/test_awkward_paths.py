"""Every server starts from a clone in a directory of any name."""

from __future__ import annotations

import asyncio
import glob
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose import leftovers
from compose.ports import choose_ports
from compose.processes import PORTS, Server, local_servers
from compose.run_directory import RunDirectory
from compose.servers.redis import literal
from compose.supervise import watch
from config.waiting import wait_until
from tests.servers import open_folder

AWKWARD = "-a b'c\"d%e#f$HOME(g)é{h};&\\n*?[1]"
# Repeated below it, this makes paths that are too long for a unix socket.
LONG = "a name of thirty characters and"
SERVERS = ("redis", "postgres-site", "openbao", "unsealer", "epmd", "rabbitmq")


@pytest.fixture
def run() -> Iterator[RunDirectory]:
    with open_folder("awkward") as base:
        made = RunDirectory(base / AWKWARD / LONG / LONG)
        made.make()
        for folder in made.path.parents[:2]:
            folder.chmod(0o711)
        yield made
        leftovers.stop_all(made.path)


@pytest.fixture
def loop() -> Iterator[None]:
    """An event loop of this thread, which a watcher takes for its own."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@pytest.mark.slow
@pytest.mark.usefixtures("loop")
def test_every_server_starts_from_a_directory_of_any_name(run: RunDirectory) -> None:
    servers = [
        server
        for server in local_servers(run, choose_ports(PORTS, {}, taken=1), {})
        if server.name in SERVERS
    ]
    assert sorted(server.name for server in servers) == sorted(SERVERS)
    for server in servers:
        server.prepare()
        start(run, server)
    for server in servers:
        log = run.log(server.name)
        failure = TimeoutError(f"{server.name}: see {log}")
        wait_until(server.is_ready, within=120, every=0.1, failure=failure)


def start(run: RunDirectory, server: Server) -> None:
    """Start a server as the supervisor does: its command, its folder, its environment."""
    process = server.process()
    (watcher,) = watch(run, [process])
    with run.log(process.name).open("ab") as log:
        subprocess.Popen(
            process.command,
            cwd=process.folder,
            env=watcher.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@pytest.mark.parametrize("server", ["redis", "rabbitmq"])
def test_no_configuration_file_of_a_server_names_a_path(run: RunDirectory, server: str) -> None:
    ports = choose_ports(PORTS, {}, taken=1)
    for found in local_servers(run, ports, {}):
        if found.name == server:
            found.prepare()
    (settings,) = run.data(server).glob("*.conf")
    assert str(run.path) not in settings.read_text()


@pytest.mark.parametrize("name", ["plain", "a b", "a*b", "a?b", "a[1]b", "a\\n*", "a\\b"])
def test_redis_finds_its_settings_under_the_name_that_it_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    told = literal(path)
    # Redis expands what holds a wildcard, and opens anything else as it is.
    expanded = c_glob(told) if any(sign in told for sign in "*?[") else [told]
    assert expanded == [os.fspath(path)]


def c_glob(pattern: str) -> list[str]:
    """Return the paths that glob(3) finds, where a backslash escapes the next character."""
    escaped, characters = "", iter(pattern)
    for character in characters:
        escaped += glob.escape(next(characters)) if character == "\\" else character
    return glob.glob(escaped)  # noqa: PTH207  (a pattern from outside)
