"""The users of a file: modules that import it, and files that name a template or static file."""

from __future__ import annotations

from functools import cache

from cluster.kit.source.definitions import outline
from cluster.kit.source.tree import snapshot


def module_of(path: str) -> str:
    """Return the name by which the file is imported, empty for a file that is no module."""
    if not path.endswith(".py"):
        return ""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def used_by(path: str) -> list[str]:
    """Return the paths of the files that import or name this one, in order."""
    module = module_of(path)
    if module:
        return sorted(_importers().get(module, ()))
    for folder in ("/templates/", "/static/"):
        if folder in path:
            return _naming(path.partition(folder)[2], but=path)
    return []


@cache
def _importers() -> dict[str, set[str]]:
    """Return the importing files of every module.

    The whole source is read for it, once in a process.
    """
    importers: dict[str, set[str]] = {}
    for path, file in snapshot().files.items():
        if path.endswith(".py") and file.text:
            for module in outline(file.text).imports:
                importers.setdefault(module, set()).add(path)
    return importers


def _naming(name: str, *, but: str) -> list[str]:
    return sorted(
        path
        for path, file in snapshot().files.items()
        if path != but and file.text and (f'"{name}"' in file.text or f"'{name}'" in file.text)
    )
