"""One web server takes over from another, and nobody is refused or cut off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from compose import listening
from compose.leftovers import MARK
from compose.run_directory import RunDirectory, socket_path
from config.environment import ROOT
from tests.conditions import eventually
from tests.servers import free_port

SERVICE_RESTART = 1012


class Site:
    """Web servers of one run directory, at one port."""

    def __init__(self, folder: Path) -> None:
        self.run = RunDirectory(folder / "run")
        self.run.make()
        self.port = free_port()
        self.release = folder / "release"
        self.door = socket_path(self.run, "web")
        self.servers: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, **variables: str) -> subprocess.Popen[bytes]:
        script = str(Path(__file__).with_name("serve_and_drain.py"))
        surroundings = {
            "PYTHONPATH": str(ROOT),
            MARK: str(self.run.path),
            "PORTFOLIO_RUN_DIR": str(self.run.path),
            "PORTFOLIO_PORT": str(self.port),
        }
        command = [sys.executable, script, str(self.release), name]
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | surroundings | variables)
        self.servers.append(server)
        return server

    def first(self) -> subprocess.Popen[bytes]:
        """Start a server and return when it serves the public."""
        server = self.start("first")
        eventually(lambda: listening.giver(self.door) == server.pid)
        return server

    def next(self) -> subprocess.Popen[bytes]:
        """Start another server, try it at a port of its own, and let it serve the public."""
        trial = free_port()
        server = self.start("next", WEB_TRIAL_PORT=str(trial))
        eventually(lambda: answer(trial) == "next")
        server.send_signal(signal.SIGUSR1)
        eventually(lambda: listening.giver(self.door) == server.pid)
        return server


def answer(port: int, path: str = "/") -> str:
    with suppress(requests.ConnectionError):
        return requests.get(f"http://127.0.0.1:{port}{path}", timeout=20).text
    return ""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.release.touch()
    for server in made.servers:
        server.kill()
        server.wait()


def test_a_request_that_is_being_answered_is_finished(site: Site) -> None:
    server, heard = site.first(), list[str]()
    asking = threading.Thread(target=lambda: heard.append(answer(site.port, "/slow/")))
    with connect(f"ws://127.0.0.1:{site.port}/") as socket:
        asking.start()
        eventually(lambda: listening._owes_an_answer(server.pid, site.port))
        server.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as ended:
            socket.recv(timeout=20)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == SERVICE_RESTART  # the other client connects again
    assert server.poll() is None
    site.release.touch()
    asking.join()
    assert heard == ["first"]
    assert server.wait(20) == 0


def test_the_next_server_gets_the_socket_and_nobody_is_refused(site: Site) -> None:
    first, heard, stop = site.first(), list[str](), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            heard.append(answer(site.port))

    asking = threading.Thread(target=ask)
    asking.start()
    site.next()
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    so_far = len(heard)
    eventually(lambda: len(heard) > so_far + 20)
    stop.set()
    asking.join()
    assert set(heard) == {"first", "next"}
    assert set(heard[so_far + 1 :]) == {"next"}


def test_an_idle_connection_is_closed_and_one_in_use_is_told_so(site: Site) -> None:
    server = site.first()
    idle, used = (HTTPConnection("127.0.0.1", site.port, timeout=20) for _ in range(2))
    idle.request("GET", "/")
    idle.getresponse().read()
    used.request("GET", "/slow/")
    eventually(lambda: listening._owes_an_answer(server.pid, site.port))
    server.send_signal(signal.SIGTERM)
    assert idle.sock.recv(1) == b""
    site.release.touch()
    told = used.getresponse()
    assert (told.status, told.getheader("Connection")) == (200, "close")
    assert server.wait(20) == 0


def test_a_server_that_cannot_drain_is_ended_when_it_owes_no_answer(site: Site) -> None:
    server, heard = site.first(), list[str]()
    asking = threading.Thread(target=lambda: heard.append(answer(site.port, "/slow/")))
    asking.start()
    eventually(lambda: listening._owes_an_answer(server.pid, site.port))
    assert not listening.end_between_requests(server.pid, site.port, within=0.3)
    copy = listening.copied(server.pid, site.port)
    site.release.touch()
    assert listening.end_between_requests(server.pid, site.port, within=20)
    asking.join()
    assert heard == ["first"]
    assert server.wait(20) == -signal.SIGKILL
    if copy is not None:  # what a test without the right to copy cannot show
        os.close(copy)
