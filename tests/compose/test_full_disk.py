"""The disk of one database is full: the cluster says so in words, and heals when it has room."""

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


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_database_whose_disk_is_full_is_named_and_heals_when_it_has_room(base: Path) -> None:
    run = base / "run"
    manage(run, "up", "--detach")
    manage(run, "down")
    orders = Postgres(database="orders", port=0, run=RunDirectory(run))
    with on_a_small_disk(orders.data):
        manage(run, "up", "--detach")
        try:
            filling = orders.data / "filling"
            full = subprocess.run(
                ["dd", "if=/dev/zero", f"of={filling}", "bs=64K"], capture_output=True, check=False
            )
            assert b"No space left" in full.stderr
            with command(run, "checkout", "--count", "200", "--outcome", "mixed", "--wait") as load:

                def is_named() -> list[str]:
                    return [one for one in status(run)["troubles"] if "orders" in one]

                eventually(is_named, within=HEALED_WITHIN, every=0.5)
                filling.unlink()
                said, _ = load.communicate()
            assert load.returncode == 0, said
            eventually(lambda: status(run)["healthy"], within=HEALED_WITHIN, every=0.5)
            manage(run, "cluster", "verify", "--wait", "120")
        finally:
            manage(run, "down")
    shutil.rmtree(data_home(RunDirectory(run)), ignore_errors=True)
