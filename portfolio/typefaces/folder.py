"""Where the cut faces are kept: cut once for each recipe, since it takes seconds."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

from config import environment
from portfolio.typefaces.faces import FACES, LICENCES

# The path of the faces among the static files.
PLACE: Final = "portfolio/typefaces"
RECIPE: Final = ("faces.py", "cutting.py", "sheet.py", "folder.py")
KEPT: Final = 3  # recipes; a developer who goes back and forth need not cut again


@cache
def typefaces_folder() -> Path:
    """A folder of static files with faces, sheet and licences; made when it is not there.

    Safe when several processes ask at once: one cuts, the others wait for it.
    """
    parent = environment.static_directory()
    folder = parent / f"typefaces-{_recipe()}"
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / "typefaces.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = parent / f"cutting-{os.getpid()}"
            shutil.rmtree(unfinished, ignore_errors=True)
            _make(unfinished / PLACE)
            unfinished.rename(folder)
            _forget_old(parent)
    return folder


def _recipe() -> str:
    """What the result depends on: this code, and the packages that it works with."""
    digest = hashlib.sha256()
    for name in RECIPE:
        digest.update((Path(__file__).parent / name).read_bytes())
    for package in ("fonttools", "brotli", *sorted({face.package for face in FACES})):
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()[:16]


def _make(place: Path) -> None:
    # Here, since it loads fontTools: a web server that finds the faces cut needs none of it.
    from portfolio.typefaces.cutting import cut
    from portfolio.typefaces.sheet import sheet

    place.mkdir(parents=True)
    done = {face.name: cut(face) for face in FACES}
    for face in FACES:
        (place / face.file_name).write_bytes(done[face.name])
    (place / "typefaces.css").write_text(sheet(done))
    for name, package in LICENCES.items():
        (place / name).write_bytes((files(package) / "LICENSE").read_bytes())


def _forget_old(parent: Path) -> None:
    made = sorted(parent.glob("typefaces-*/"), key=lambda folder: folder.stat().st_mtime)
    for folder in made[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
