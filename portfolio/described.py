"""Markdown files that describe what the site shows: patterns, services, nodes of the plan, demos.

A file is front matter, paragraphs, and perhaps a list. Each is read once, when the module that
lists it is imported, and a mistake in one stops the process with its path and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from articles.front_matter import BadSeed, read_front_matter
from articles.markdown.parser import new_env, parser
from config.environment import ROOT

# The tokens of paragraphs and of lists, which is all that a description consists of.
_PLAIN = frozenset(
    f"{block}_{end}"
    for block in ("paragraph", "bullet_list", "list_item")
    for end in ("open", "close")
) | {"inline"}


class BadDescription(ValueError):
    """A description that cannot be read. The message names the file and the reason."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The text of one file, whose name without `.md` is `slug`.

    `prose` is its paragraphs and `points` the items of its list, both as plain text. A subclass
    adds the fields of the front matter.
    """

    slug: str = ""
    prose: str = ""
    points: tuple[str, ...] = ()


Described = TypeVar("Described", bound=Description)
Known = TypeVar("Known")


def read_descriptions(folder: Path, schema: type[Described]) -> dict[str, Described]:
    """Return the descriptions in a folder by slug, in the order of slugs, or raise BadDescription.

    They are of the subclass `schema`.
    """
    return {path.stem: read_description(path, schema) for path in sorted(folder.glob("*.md"))}


def read_description(path: Path, schema: type[Described]) -> Described:
    """Return the description in one file, or raise BadDescription."""
    try:
        front = read_front_matter(path.read_bytes(), schema)
    except BadSeed as error:
        raise BadDescription(f"{_name(path)}, {error}") from error
    paragraphs: list[str] = []
    points: list[str] = []
    for token in parser().parse(front.body, new_env()):
        if token.type not in _PLAIN:
            line = front.body_line + (token.map[0] if token.map else 0)
            raise BadDescription(f"{_name(path)}, line {line}: expected paragraphs and a list.")
        if token.type == "inline":
            in_list = token.level > 1
            (points if in_list else paragraphs).append(" ".join(token.content.split()))
    if not paragraphs:
        raise BadDescription(f"{_name(path)}: expected a text below the front matter.")
    return msgspec.structs.replace(
        front.fields, slug=path.stem, prose=" ".join(paragraphs), points=tuple(points)
    )


def named(known: Mapping[str, Known], slugs: Iterable[str], *, by: str) -> tuple[Known, ...]:
    """Return what these slugs name. Raises BadDescription for an unknown one, which `by` names."""
    for slug in slugs:
        if slug not in known:
            raise BadDescription(f"{by} names “{slug}”, and there are {', '.join(known)}.")
    return tuple(known[slug] for slug in slugs)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
