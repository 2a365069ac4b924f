"""The disk of one database is full or read-only: the cluster says so, and heals by itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from compose.run_directory import RunDirectory
from compose.servers.postgres import Postgres, data_home
from compose.supervisor import Supervisor
from tests.compose.test_backup_and_restore import base, command, manage
from tests.conditions import eventually

__all__ = ["base"]

ROOM = 64 * 1024**2  # bytes beside what the database has; a segment of WAL has 16 MB
HEALED_WITHIN = 180.0  # seconds; ends a hanging test, measures nothing


def status(run: Path) -> dict[str, Any]:
    """Return the document of `cluster status`, whatever its exit status."""
    with command(run, "cluster", "status", "--json") as process:
        said, _ = process.communicate()
    found: dict[str, Any] = json.loads(said[said.index("{") :])
    return found


@contextmanager
def on_a_small_disk(data: Path) -> Iterator[None]:
    """Keep the data directory of a stopped server on a disk of its own, for the block."""
    aside = data.with_name(f"{data.name}.aside")
    data.rename(aside)
    used = sum(path.lstat().st_size for path in aside.rglob("*"))
    data.mkdir()
    options = f"size={used + ROOM},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(data)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        subprocess.run(["cp", "--archive", f"{aside}/.", str(data)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(data)], check=True)


@contextmanager
def filled(server: Postgres) -> Iterator[None]:
    """Fill the disk of a server that runs, for the block."""
    filling = server.data / "filling"
    full = subprocess.run(
        ["dd", "if=/dev/zero", f"of={filling}", "bs=64K"], capture_output=True, check=False
    )
    assert b"No space left" in full.stderr
    try:
        yield
    finally:
        filling.unlink()


@contextmanager
def read_only(server: Postgres) -> Iterator[None]:
    """Make the disk of a server read-only, for the block. The kernel asks that it be stopped."""
    supervisor = Supervisor.connect(server.run.path)
    supervisor.stop(server.name)
    subprocess.run(["mount", "-o", "remount,ro", str(server.data)], check=True)
    try:
        supervisor.start(server.name)
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(server.data)], check=True)


@pytest.mark.full  # in every run, tests/compose/test_backup_of_one_server.py fills a disk
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_database_whose_disk_takes_nothing_is_named_and_heals_by_itself(base: Path) -> None:
    run = base / "run"
    manage(run, "up", "--detach")
    manage(run, "down")
    orders = Postgres(database="orders", port=0, run=RunDirectory(run))

    def is_named() -> list[str]:
        return [one for one in status(run)["troubles"] if "orders" in one]

    with on_a_small_disk(orders.data):
        manage(run, "up", "--detach")
        try:
            for broken in (filled, read_only):
                with command(run, "checkout", "--count", "100", "--wait") as load:
                    with broken(orders):
                        eventually(is_named, within=HEALED_WITHIN, every=0.5)
                    said, _ = load.communicate()
                assert load.returncode == 0, said
                eventually(lambda: status(run)["healthy"], within=HEALED_WITHIN, every=0.5)
            manage(run, "cluster", "verify", "--wait", "120")
        finally:
            manage(run, "down")
    shutil.rmtree(data_home(RunDirectory(run)), ignore_errors=True)
