"""Front matter: the lines between two of `---` at the beginning of a file, read by a schema.

It begins with the first line and ends at the next line that is `---` alone. Between them
is YAML whose scalars are taken as they are written: the tag `3.10` is not read as a
number, nor the summary `12:30` as a number of seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
import yaml

from cluster.kit.readable import first_unreadable

OPENING: Final = re.compile(r"---[ \t]*\n")
CLOSING: Final = re.compile(r"^---[ \t]*(\n|\Z)", re.MULTILINE)
BYTE_ORDER_MARK: Final = "\ufeff"
PLACE: Final = re.compile(r" - at `\$\.(\w+)")
MISSING: Final = re.compile(r"missing required field `(\w+)`")

Words = Annotated[str, msgspec.Meta(min_length=1)]


class BadSeed(Exception):
    """A seed that cannot be imported, with the line of its file and the reason."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that a seed may give for its article, as they are written."""

    title: Words
    slug: str | None = None
    summary: str | None = None
    published: str | None = None
    tags: tuple[Words, ...] = ()
    series: str | None = None
    series_position: Annotated[int, msgspec.Meta(ge=1, lt=2**31)] | None = None
    related: tuple[Words, ...] = ()
    figure: str | None = None
    what_changed: str | None = None
    canonical_url: str | None = None


Schema = TypeVar("Schema", bound=msgspec.Struct)

# The form of a field, for the sentence to an author who has written another.
WRITTEN: Final = {
    "tags": "a list, such as [rabbitmq, outbox]",
    "related": "a list of articles’ addresses, such as [the-transactional-outbox]",
    "series_position": "a whole number from 1",
}
WORDS: Final = "a few words"


@dataclass(frozen=True, slots=True)
class FrontMatter(Generic[Schema]):
    """The fields, the file's line of each field, and the text with its first line."""

    fields: Schema
    lines: dict[str, int]
    body: str
    body_line: int

    def bad(self, field: str, sentence: str) -> BadSeed:
        """Return the refusal of a field, with its line."""
        return BadSeed(self.lines.get(field, 1), sentence)


def read_front_matter(content: bytes, schema: type[Schema]) -> FrontMatter[Schema]:
    """Read a whole file whose fields are those of `schema`, or raise BadSeed."""
    text = decoded(content)
    opening = OPENING.match(text)
    if opening is None:
        raise BadSeed(1, "expected --- alone on the first line, and front matter below it.")
    closing = CLOSING.search(text, opening.end())
    if closing is None:
        raise BadSeed(1, "expected a second line of --- alone, at the end of the front matter.")
    nodes = _nodes(text[opening.end() : closing.start()], schema)
    lines = {name: node.start_mark.line + 2 for name, node in nodes.items()}
    try:
        given = {name: _written(node) for name, node in nodes.items() if _has_text(node)}
        fields = msgspec.convert(given, schema, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), lines) from None
    for name, value in given.items():
        for part in value if isinstance(value, list) else [value]:
            if first_unreadable(part):
                raise BadSeed(lines[name], f"“{name}” has an invisible character. Remove it.")
    return FrontMatter(
        fields=fields,
        lines=lines,
        body=text[closing.end() :],
        body_line=text.count("\n", 0, closing.end()) + 1,
    )


def decoded(content: bytes) -> str:
    """Return the text of a file, without a byte order mark and with line feeds alone."""
    try:
        text = content.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadSeed(line, "expected UTF-8; save the file in that encoding.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = first_unreadable(text)
    if found is not None:
        raise BadSeed(found.line, f"{found} Remove it.")
    return text


def _nodes(front: str, schema: type[msgspec.Struct]) -> dict[str, yaml.Node]:
    """Return the fields as YAML nodes, of which this loader reads every scalar as a string."""
    try:
        document = yaml.compose(front, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise BadSeed(line, f"expected YAML: {error.problem or error.context}.") from None
    except (yaml.YAMLError, RecursionError):
        raise BadSeed(2, "expected YAML, and no deeper than a list.") from None
    needed = [f"“{each.encode_name}”" for each in msgspec.structs.fields(schema) if each.required]
    if document is None and not needed:
        return {}
    if not isinstance(document, yaml.MappingNode):
        verb = "is" if len(needed) == 1 else "are"
        sentence = f"expected fields, each as “name: value”; {' and '.join(needed)} {verb} needed."
        raise BadSeed(2, sentence)
    nodes: dict[str, yaml.Node] = {}
    for key, value in document.value:
        line, name = key.start_mark.line + 2, str(key.value)
        if name not in schema.__struct_encode_fields__:
            known = ", ".join(schema.__struct_encode_fields__)
            raise BadSeed(line, f"there is no field “{name}”; expected one of {known}.")
        if name in nodes:
            raise BadSeed(line, f"expected “{name}” once; it stands here again.")
        nodes[name] = value
    return nodes


def _has_text(node: yaml.Node) -> bool:
    """Return whether a field has a value: YAML writes none as nothing, as ~, or as null."""
    return not (
        isinstance(node, yaml.ScalarNode) and not node.style and node.value in {"", "~", "null"}
    )


def _written(node: yaml.Node) -> Any:
    """Return a scalar as a string and a list of scalars as a list.

    Any deeper value becomes one that fits no field.
    """
    if isinstance(node, yaml.SequenceNode):
        return [each.value if isinstance(each, yaml.ScalarNode) else None for each in node.value]
    return node.value if isinstance(node, yaml.ScalarNode) else {}


def _misfit(error: str, lines: dict[str, int]) -> BadSeed:
    missing, place = MISSING.search(error), PLACE.search(error)
    if missing is not None:
        return BadSeed(2, f"expected a “{missing[1]}”, which is missing.")
    if place is None:
        return BadSeed(2, f"the fields do not fit: {error}.")
    usual = "a list" if "`array`" in error else WORDS
    return BadSeed(lines[place[1]], f"expected “{place[1]}” as {WRITTEN.get(place[1], usual)}.")
