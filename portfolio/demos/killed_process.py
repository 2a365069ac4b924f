"""A process of the site's own that the site kills at a moment it names, as in a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cluster.storefront.checkout_intake import InvalidRequest
from config.environment import ROOT

NAME: Final = "demo-writer"
LONGEST: Final = 12  # seconds of life; it does not outlive a web server that dies meanwhile


class EndedTooSoon(InvalidRequest):
    """The process ended by itself too early, most likely since a server that it needs is away."""


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a process. `signal` is the number of the signal that ended it."""

    pid: int
    signal: int

    @property
    def words(self) -> str:
        return f"{signal.Signals(self.signal).name} ({self.signal})"


@contextmanager
def child(
    module: str, *arguments: str, name: str, asked: str = ""
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `python -m module` with `asked` on its input, and SIGKILL it when the block ends.

    Yields the process and the first line that it prints, which is empty when it ends before.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PROCESS_NAME": name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(asked)
        process.stdin.close()
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def kill_after_line(word: str, *, module: str, asked: str) -> Death:
    """Run `python -m module` with `asked` on its input, and SIGKILL it when it prints `word`.

    Raises EndedTooSoon when it ends before.
    """
    with child(module, name=NAME, asked=asked) as (process, said):
        pass
    if said != word:
        raise EndedTooSoon(
            "The process that was to write could not reach its database, the broker or OpenBao. "
            "Try again in a moment."
        )
    return Death(process.pid, -process.returncode)


def end_in_time() -> None:
    """Make the calling process end by itself after LONGEST seconds. It calls this first."""
    signal.alarm(LONGEST)


def say(word: str) -> None:
    """Print `word` for the site, which waits for it."""
    print(word, flush=True)


def await_the_end() -> None:
    """Sleep until the site kills this process, or its time is up."""
    while True:
        signal.pause()
