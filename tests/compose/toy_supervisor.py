"""A program that runs the real supervisor over processes that a test makes up.

Run as: toy_supervisor.py RUN-DIRECTORY OWNER-FD NAME=COMMAND …
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from compose.process import Process
from compose.run_directory import RunDirectory
from compose.supervise import supervise, watch


def main() -> None:
    run = RunDirectory(Path(sys.argv[1]))
    processes = [
        Process(name=name, command=("/bin/sh", "-c", command), folder=Path("/"), patience=1.0)
        for name, command in (toy.split("=", 1) for toy in sys.argv[3:])
    ]
    asyncio.run(supervise(run, watch(run, processes), owner=int(sys.argv[2])))


main()
