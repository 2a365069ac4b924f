"""Processes that were paused together with a parent that has been killed since.

PostgreSQL's sessions hold its shared memory. While they are paused, they cannot notice
that their parent is gone, and no new server starts in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from compose import leftovers
from compose.supervisor import process_tree


def stopped_orphans(
    run_directory: Path, data_directories: Sequence[Path], *, supervised: Iterable[int]
) -> list[int]:
    """Return the pids of this platform's stopped processes without a supervised ancestor."""
    ours = {pid for root in supervised for pid in process_tree(root)}
    marked = set(leftovers.find(run_directory))
    folders = {str(folder) for folder in data_directories}
    stopped = [pid for pid in _stopped() if pid not in ours]
    return [pid for pid in stopped if pid in marked or _works_in(pid, folders)]


def _stopped() -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state = (path / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:  # it has ended meanwhile
                continue
            if state == "T":
                found.append(int(path.name))
    return found


def _works_in(pid: int, folders: set[str]) -> bool:
    """Return whether the process works in one of these folders, as PostgreSQL's processes do."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink()) in folders
    except OSError:
        return False
