"""Shows the cut typefaces to Django among the static files of the apps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles import utils
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from portfolio.typefaces.folder import PLACE, typefaces_folder


class TypefaceFinder(BaseFinder):
    """Finds what lies in the folder of typefaces."""

    def check(self, **_options: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False) -> Any:  # the name is Django's
        if not path.startswith(f"{PLACE}/"):
            return [] if find_all else None
        found = typefaces_folder() / path
        if not found.is_file():
            return [] if find_all else None
        return [str(found)] if find_all else str(found)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        storage = FileSystemStorage(location=str(typefaces_folder()))
        for path in utils.get_files(storage, list(ignore_patterns or [])):
            yield path, storage
