"""A program that runs the real supervisor over processes that a test makes up.

Run as: toy_supervisor.py [--toy NAME=COMMAND …] RUN-DIRECTORY --lock FD [--owner FD] [--adopt]
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from compose.process import Process
from compose.run_directory import RunDirectory
from compose.supervise import adopt, supervise, watch


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--toy", action="append", default=[])
    parser.add_argument("--owner", type=int)
    parser.add_argument("--lock", type=int)
    parser.add_argument("--adopt", action="store_true")
    options = parser.parse_args()
    run = RunDirectory(options.run)
    processes = [
        Process(name=name, command=("/bin/sh", "-c", command), folder=Path("/"), patience=1.0)
        for name, command in (toy.split("=", 1) for toy in options.toy)
    ]
    watchers = watch(run, processes)
    if options.adopt:
        watchers += adopt(run, watchers)
    asyncio.run(supervise(run, watchers, owner=options.owner, lock=options.lock))


main()
