"""The definitions of a Python file and their lines, from its syntax tree."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache


class Kind(enum.StrEnum):
    """The kind of a definition."""

    CLASS = "class"
    FUNCTION = "function"
    CONSTANT = "constant"  # a value bound in a module or in a class


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition. `first` is the line of its first decorator, if it has any.

    `value` is the right-hand side of a constant as it is written, else empty.
    """

    qualname: str
    kind: Kind
    first: int
    last: int
    value: str = ""

    @property
    def name(self) -> str:
        return self.qualname.rpartition(".")[2]

    @property
    def depth(self) -> int:
        """The depth: 0 in the module, 1 in a class."""
        return self.qualname.count(".")


@dataclass(frozen=True, slots=True)
class Outline:
    """A module: its docstring, its definitions in order, and the names it imports.

    `borrowed` maps a name to the module it comes from and its name there.
    """

    docstring: str
    definitions: tuple[Definition, ...]
    borrowed: dict[str, tuple[str, str]]
    imports: frozenset[str]

    def find(self, qualname: str) -> Definition | None:
        """Return the last definition of this name, which is the one that stays."""
        named = [found for found in self.definitions if found.qualname == qualname]
        return named[-1] if named else None

    def function_at(self, line: int) -> Definition | None:
        """Return the function or class whose first line this is."""
        for found in self.definitions:
            if found.first == line and found.kind is not Kind.CONSTANT:
                return found
        return None


EMPTY = Outline("", (), {}, frozenset())


@lru_cache(maxsize=1024)
def outline(text: str) -> Outline:
    """Return the definitions of this Python text, none when it is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return EMPTY
    borrowed = {}
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                # "from a import b" may mean the module a.b or a name in a.
                imports.update((node.module, f"{node.module}.{alias.name}"))
                borrowed[alias.asname or alias.name] = (node.module, alias.name)
    return Outline(
        docstring=ast.get_docstring(tree) or "",
        definitions=tuple(_definitions(tree.body, prefix="", lines=text.encode().split(b"\n"))),
        borrowed=borrowed,
        imports=frozenset(imports),
    )


def _definitions(
    body: Iterable[ast.stmt], *, prefix: str, lines: list[bytes]
) -> Iterator[Definition]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield _block(node, Kind.CLASS, prefix)
                yield from _definitions(node.body, prefix=f"{prefix}{node.name}.", lines=lines)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield _block(node, Kind.FUNCTION, prefix)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _constants(node, target, value, prefix, lines)
            case ast.AnnAssign(target=target, value=annotated):
                yield from _constants(node, target, annotated, prefix, lines)
            case ast.If() | ast.Try() | ast.With():
                yield from _definitions(_inside(node), prefix=prefix, lines=lines)
            case _:
                pass


def _inside(node: ast.If | ast.Try | ast.With) -> Iterator[ast.stmt]:
    yield from node.body
    if isinstance(node, ast.Try):
        for handler in node.handlers:
            yield from handler.body
        yield from node.finalbody
    if isinstance(node, ast.If | ast.Try):
        yield from node.orelse


def _block(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, kind: Kind, prefix: str
) -> Definition:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return Definition(f"{prefix}{node.name}", kind, first, node.end_lineno or node.lineno)


def _segment(lines: list[bytes], node: ast.expr) -> str:
    """Return the expression as written (`ast.get_source_segment` splits the text each time)."""
    last = (node.end_lineno or node.lineno) - 1
    part = lines[node.lineno - 1 : last + 1]
    part[-1] = part[-1][: node.end_col_offset]  # the end first: it may be the same line
    part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode()


def _constants(
    node: ast.stmt, target: ast.expr, value: ast.expr | None, prefix: str, lines: list[bytes]
) -> Iterator[Definition]:
    written = _segment(lines, value) if value is not None else ""
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    for name in names:
        if isinstance(name, ast.Name):
            yield Definition(
                f"{prefix}{name.id}",
                Kind.CONSTANT,
                node.lineno,
                node.end_lineno or node.lineno,
                written if len(names) == 1 else "",
            )
