"""The repository's files as they were when this process started, held in memory.

A file on disk may change under a running process, but the loaded code does not. So the
pages read this copy (about 2 MB) and never the disk: an address that a visitor types is
a key to look up, not a path to open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from config import environment
from config.revision import git

# Where there is no git (an image holds no history), these folders and files are the source.
TOP_FOLDERS: Final = frozenset(
    {"articles", "chaos", "cluster", "compose", "config", "docs", "portfolio", "tests"}
)
TOP_FILES: Final = frozenset({"LICENSE", "README.md", "SECURITY.md", "manage.py", "pyproject.toml"})
SUFFIXES: Final = frozenset(
    {".css", ".html", ".js", ".json", ".md", ".py", ".svg", ".toml", ".txt", ".yaml"}
)
# Only a running platform writes these. They are never shown, even if git tracks them.
NEVER: Final = (".run", ".venv", ".git", "__pycache__")
LARGEST: Final = 1024 * 1024  # bytes; the largest file of the source has a quarter of it


class _Absent(Exception):
    """The path is no plain file of the source."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its `size` in bytes, and its `text` with plain newlines, or None for other data."""

    path: str
    text: str | None
    size: int

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def folder(self) -> str:
        """The folder's path, empty for the top."""
        parent = str(PurePosixPath(self.path).parent)
        return "" if parent == "." else parent

    @property
    def lines(self) -> int:
        """The number of lines, 0 for a file that is no text."""
        if not self.text:
            return 0
        return self.text.count("\n") + (not self.text.endswith("\n"))


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder: the names of its folders and files, in order."""

    path: str
    folders: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All files and folders by path, where the top folder's path is empty."""

    files: Mapping[str, SourceFile]
    folders: Mapping[str, Folder]

    def below(self, folder: str) -> int:
        """Return the number of files in the folder and in all below it."""
        start = f"{folder}/" if folder else ""
        return sum(path.startswith(start) for path in self.files)


@cache
def snapshot() -> Snapshot:
    """Return the copy that this process shows, taken at the first call, which the start makes."""
    return take(environment.ROOT)


def paths() -> list[str]:
    """Return every file's path, in order, for the search."""
    return sorted(snapshot().files)


def take(root: Path) -> Snapshot:
    """Return the source below `root`: the files that git tracks, or else those of its folders."""
    tracked = _tracked(root)
    files = {}
    for path in sorted(_known(root) if tracked is None else tracked):
        try:
            files[path] = read(root, path)
        except _Absent:
            continue  # removed, but not yet from the index; or a symbolic link
    return Snapshot(MappingProxyType(files), MappingProxyType(_folders(files)))


def read(root: Path, path: str) -> SourceFile:
    """Return one file from the disk, or raise _Absent."""
    parts = PurePosixPath(path).parts
    if any(part.startswith(never) for part in parts[:1] for never in (".run", ".venv")) or any(
        part in NEVER for part in parts
    ):
        raise _Absent
    file = root / path
    # A link could lead out of the source, and so could a link above the file.
    if file.is_symlink() or not file.is_file() or file.resolve() != root.resolve() / path:
        raise _Absent
    if file.stat().st_size > LARGEST:
        return SourceFile(path, None, file.stat().st_size)
    content = file.read_bytes()
    return SourceFile(path, _text(content), len(content))


def _text(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None


def _tracked(root: Path) -> list[str] | None:
    listed = git("ls-files", "-z", root=root)
    if listed is None:
        return None
    return [name for name in listed.decode(errors="replace").split("\0") if name]


def _known(root: Path) -> Iterator[str]:
    yield from (name for name in TOP_FILES if (root / name).is_file())
    for top in sorted(TOP_FOLDERS):
        for folder, folders, names in os.walk(root / top):
            folders[:] = [name for name in folders if not name.startswith((".", "__"))]
            here = Path(folder).relative_to(root).as_posix()
            yield from (f"{here}/{name}" for name in names if Path(name).suffix in SUFFIXES)


def _folders(files: Mapping[str, SourceFile]) -> dict[str, Folder]:
    inside: dict[str, tuple[set[str], set[str]]] = {"": (set(), set())}
    for path in files:
        parts = PurePosixPath(path).parts
        for depth in range(1, len(parts)):
            here, above = "/".join(parts[:depth]), "/".join(parts[: depth - 1])
            inside.setdefault(here, (set(), set()))
            inside[above][0].add(parts[depth - 1])
        inside["/".join(parts[:-1])][1].add(parts[-1])
    return {
        path: Folder(path, tuple(sorted(folders)), tuple(sorted(names)))
        for path, (folders, names) in inside.items()
    }
