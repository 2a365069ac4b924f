"""Gather all static files, hashed and compressed, into a folder named by what they contain.

    python -m config.static_build

The web server does this before it serves (portfolio/server.py), and `manage.py prepare` before
that. Nothing is done when the files have not changed. Several processes may gather at once,
and processes of different code may share the parent folder: each has a folder of its own,
complete from the moment at which it exists, and a folder is kept while a process serves it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import Storage

from config import environment
from config.waiting import locked

log = logging.getLogger(__name__)

# A page from a cache or a browser's history may ask for the files of an earlier one.
KEPT: Final = 3
IN_USE: Final = ".in-use"
UNFINISHED: Final = "unfinished-"

Sources = dict[str, tuple[Storage, str]]


@dataclass(frozen=True)
class Gathered:
    """The files that a process serves.

    `names` has the hashed name of each file, and `earlier` the older folders.
    """

    digest: str
    folder: Path
    names: Mapping[str, str]
    earlier: tuple[Path, ...]


class _State:
    """This process's gathering, and the files whose locks keep its folders, its own first."""

    gathered: Gathered | None = None
    held: list[IO[str]] = []


def current() -> Gathered | None:
    """Return what this process has gathered, or None before `ensure`."""
    return _State.gathered


def ensure() -> Gathered | None:
    """Return this code's static files, gathered now if they are not (if they are: some 10 ms).

    None, and a line in the log, when that fails: a file refers to one that is not there, or
    the folder cannot be written. The files are then served under their plain names.
    """
    if _State.gathered is None:
        try:
            _State.gathered = gather()
        except (OSError, ValueError):
            log.exception("the static files could not be gathered; plain names are served")
    return _State.gathered


def gather() -> Gathered:
    """Make this code's folder if it is missing, and lock it for this process's life.

    Raises ValueError when a file refers to one that is not there, and OSError when the
    folder cannot be written and the files are not in it.
    """
    sources = _sources()
    parent = environment.static_directory()
    folder = parent / _digest(sources)
    if folder.is_dir() and not os.access(parent, os.W_OK):
        return _read(folder)  # part of an image, where it is never removed
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent / "gathering.lock"):
        if not folder.is_dir():
            _make(sources, folder)
        folder.touch()
        _hold(folder)
        _forget_old(parent, folder)
    return _read(folder)


def _sources() -> Sources:
    """Return each file by its path below /static/. The first finder wins, as in `collectstatic`."""
    found: Sources = {}
    for finder in get_finders():
        for path, storage in finder.list(["CVS", ".*", "*~"]):
            found.setdefault(Path(path).as_posix(), (storage, path))
    return found


def _digest(sources: Sources) -> str:
    """Return a name for what will be gathered: a digest of the files and of the code."""
    digest = hashlib.sha256(f"{django.__version__} {version('whitenoise')}".encode())
    for module in (__file__, Path(__file__).with_name("static_storage.py")):
        digest.update(Path(module).read_bytes())
    for path in sorted(sources):
        storage, name = sources[path]
        content = Path(storage.path(name)).read_bytes()
        digest.update(f"\0{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _make(sources: Sources, folder: Path) -> None:
    from config.static_storage import GatheringStorage  # which needs this module

    unfinished = folder.with_name(f"{UNFINISHED}{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    storage = GatheringStorage(
        location=unfinished,
        base_url=settings.STATIC_URL,
        earlier=_finished(folder.parent),
    )
    for path, (source, name) in sources.items():
        target = unfinished / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.path(name), target)
    originals = {path: (storage, path) for path in sources}
    for _name, _hashed, processed in storage.post_process(originals):
        if isinstance(processed, Exception):
            raise processed
    (unfinished / IN_USE).touch()
    unfinished.rename(folder)


def _read(folder: Path) -> Gathered:
    manifest: dict[str, Any] = json.loads((folder / "staticfiles.json").read_text())
    return Gathered(
        digest=folder.name,
        folder=folder,
        names=manifest["paths"],
        earlier=tuple(Path(file.name).parent for file in _State.held[1:]),
    )


def _finished(parent: Path) -> list[Path]:
    """Return the gathered folders, the one that was last used first."""
    folders = [file.parent for file in parent.glob(f"*/{IN_USE}")]
    finished = [folder for folder in folders if not folder.name.startswith(UNFINISHED)]
    return sorted(finished, key=lambda folder: folder.stat().st_mtime, reverse=True)


# Locks: the kernel drops them however a process ends ----------------------------------


def _hold(folder: Path) -> None:
    """Keep a folder for as long as this process lives."""
    file = (folder / IN_USE).open()
    fcntl.flock(file, fcntl.LOCK_SH)
    _State.held.append(file)


def _forget_old(parent: Path, folder: Path) -> None:
    """Lock the latest folders, and remove the others that no process serves."""
    for unfinished in parent.glob(f"{UNFINISHED}*"):
        if unfinished.name != f"{UNFINISHED}{os.getpid()}":
            shutil.rmtree(unfinished, ignore_errors=True)
    others = [other for other in _finished(parent) if other != folder]
    for other in others[: KEPT - 1]:
        _hold(other)
    for other in others[KEPT - 1 :]:
        with (other / IN_USE).open() as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other, ignore_errors=True)


if __name__ == "__main__":
    environment.name_settings()
    django.setup()
    gathered = gather()
    print(f"{len(gathered.names)} static files are in {gathered.folder}")
