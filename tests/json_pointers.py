"""References within a document of JSON, and what they lead to (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def references(part: Any) -> Iterator[str]:
    """Yield every `$ref` in a part of a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolved(document: Any, pointer: str) -> Any:
    """Return the part of a document that a pointer names.

    Raises KeyError when there is none.
    """
    found = document
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found
