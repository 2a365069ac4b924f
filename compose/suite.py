"""The whole test suite in three parts, and one more try for tests that only missed a deadline.

- `pure` tests need no platform, and run in three processes.
- `shared` tests use one platform and break nothing of it, and run in two processes.
- `alone` tests need that platform for themselves: they examine it at rest, break or fill it.

One part runs at a time: two at once, even one of the lowest priority, miss deadlines.
Each part leaves its result as a JSON file, which tests/unsteady.py writes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compose import platform
from compose.ports import choose_ports
from config.environment import ROOT

PYTEST: Final = (sys.executable, "-m", "pytest")
# Options that change what is printed, not what is run. With any other, one process runs.
PRINTING: Final = re.compile(
    r"--full|-q+|-v+|-r\w*|--(durations|durations-min|tb|color|timeout)=.*"
)
PERCENT: Final = re.compile(r"\[ *(\d+)%\]")
UNWOUND_WITHIN: Final = 60.0  # seconds
REPORT: Final = 60.0  # seconds between two lines of progress
PLATFORM: Final = ROOT / ".run" / "test-platform"  # the run directory that two parts share
MOST_UNSTEADY: Final = 5  # a busy machine does not explain more missed deadlines than these


@dataclass(frozen=True)
class Part:
    """One pytest process (or one and its workers), on the shared platform or apart from it."""

    name: str
    arguments: tuple[str, ...] = ()
    on_platform: bool = False

    @property
    def run_directory(self) -> Path:
        return PLATFORM if self.on_platform else ROOT / ".run" / f"test-{self.name}"

    @property
    def log(self) -> Path:
        return ROOT / ".run" / f"test-{self.name}.log"

    @property
    def result_file(self) -> Path:
        return self.log.with_suffix(".json")

    def run(self, arguments: Sequence[str]) -> None:
        """Run it, print its progress every minute, and at its end print its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.result_file.unlink(missing_ok=True)
        began = time.monotonic()
        options = (
            "-o", f"cache_dir=.run/pytest-{self.name}",
            f"--result={self.result_file}",
            "--durations=20",
        )  # fmt: skip
        with self.log.open("wb") as output:
            process = subprocess.Popen(
                [*PYTEST, *options, *self.arguments, *arguments],
                cwd=ROOT,
                env={**os.environ} if self.on_platform else _surroundings(self.run_directory),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            while not _ends(process, within=REPORT):
                print(f"{self.name} {self.percent()} %", flush=True)
            print(f"\nThe part {self.name}, {time.monotonic() - began:.0f} s:\n", flush=True)
            sys.stdout.buffer.write(self.log.read_bytes())
            sys.stdout.flush()
        finally:
            self._stop(process)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """End it, and a platform of its own that an interrupted pytest would leave."""
        if process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)  # so that pytest ends the tests' own servers
        if not _ends(process, within=UNWOUND_WITHIN):
            process.kill()
            process.wait()
        if not self.on_platform:
            platform.stop(self.run_directory)

    def percent(self) -> int:
        """Return the percentage that pytest has printed last, from 0 to 100."""
        found = PERCENT.findall(self.log.read_text(errors="replace")[-4000:])
        return int(found[-1]) if found else 0

    def result(self) -> dict[str, Any]:
        """Return its result, with one failure when it crashed before its end."""
        try:
            found: dict[str, Any] = json.loads(self.result_file.read_text())
        except (OSError, ValueError):
            crash = {"test": f"the part {self.name}", "reason": "it ended early", "again": False}
            return {"passed": 0, "skipped": 0, "failures": [crash]}
        return found


def _surroundings(run_directory: Path) -> dict[str, str]:
    """Return this process's environment, with a run directory and a free port for a platform."""
    port = choose_ports(["web"], {}, taken=0)["web"]
    return {
        **os.environ,
        "PORTFOLIO_RUN_DIR": str(run_directory),
        "PORTFOLIO_PORT": str(port),
        "STATIC_DIRECTORY": str(ROOT / ".run" / "test-static"),
    }


@contextmanager
def shared_platform() -> Iterator[None]:
    """Run a new platform for the length of the block, which this process and its parts know."""
    before = dict(os.environ)
    os.environ.update(_surroundings(PLATFORM))
    platform.stop(PLATFORM)
    shutil.rmtree(PLATFORM, ignore_errors=True)  # such as violations that a sabotage has left
    began = time.monotonic()
    try:
        platform.start(PLATFORM)
        print(f"\nThe platform started in {time.monotonic() - began:.0f} s.", flush=True)
        yield
    finally:
        platform.stop(PLATFORM)
        os.environ.clear()
        os.environ.update(before)


def is_whole(arguments: Sequence[str]) -> bool:
    """Return whether these arguments ask for every test."""
    return all(PRINTING.fullmatch(argument) for argument in arguments)


def run_whole(arguments: Sequence[str]) -> int:
    """Run all parts, then the unsteady tests once more, and return the exit status."""
    pure = Part("pure", ("--part=pure", "--numprocesses=3", "--dist=loadfile"))
    shared = Part(
        "shared",
        ("--part=shared", "--keep", "--numprocesses=2", "--dist=loadfile"),
        on_platform=True,
    )
    alone = Part("alone", ("--part=alone", "--keep"), on_platform=True)
    pure.run(arguments)
    with shared_platform():
        shared.run(arguments)
        alone.run(arguments)
    results = [part.result() for part in (pure, shared, alone)]
    failures = [failure for result in results for failure in result["failures"]]
    unsteady = [failure for failure in failures if failure["again"]]
    if unsteady and len(unsteady) == len(failures) <= MOST_UNSTEADY:
        again = Part("again", tuple(failure["test"] for failure in unsteady))
        again.run(arguments)
        results.append(again.result())
        failures = results[-1]["failures"]
    for failure in unsteady:
        print(f"unsteady: {failure['test']}: {failure['reason']}")
    for failure in failures:
        print(f"failed: {failure['test']}: {failure['reason']}")
    if len(unsteady) > MOST_UNSTEADY:
        print(f"More than {MOST_UNSTEADY} missed deadlines are not tried again.")
    passed, skipped = (sum(result[kind] for result in results) for kind in ("passed", "skipped"))
    # Alone on its line and last: it is what programs that read the log look for.
    print(f"{passed} passed, {len(failures)} failed, {skipped} skipped", flush=True)
    return 1 if failures else 0


def _ends(process: subprocess.Popen[bytes], *, within: float) -> bool:
    """Wait for the end of a process for so many seconds, and return whether it came."""
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True
