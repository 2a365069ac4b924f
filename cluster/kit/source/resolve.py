"""Find the lines of a name: `locate` and `excerpt`.

A target is one of
    cluster.messaging.relay:Relay.run    a function, class, method or constant
    cluster.messaging.relay              a whole module
    cluster/messaging/relay.py:12-40     lines of a file, or the whole file without them
    message:orders.confirm_order.v1      the schema of a message type
    route:/architecture/                 the view that answers an address
    template:portfolio/home.html         a template, static:kit/site.css a static file
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, Final
from urllib.parse import quote

from cluster.kit.source import running
from cluster.kit.source.definitions import Definition, Kind, outline
from cluster.kit.source.moved import moved
from cluster.kit.source.tree import SourceFile, snapshot

_LINES: Final = re.compile(r"^(?P<path>[^:]+):(?P<first>\d{1,6})(?:[-–](?P<last>\d{1,6}))?$")
_DOTTED: Final = re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)*$")
FARTHEST: Final = 5  # re-exports followed from one module to the next


class UnknownSource(LookupError):
    """Nothing in the running source has this name, as the message says in a sentence."""


@dataclass(frozen=True, slots=True)
class Location:
    """Lines `first` to `last` (from 1, both included) of the file at `path`."""

    path: str
    first: int
    last: int
    whole: bool = False  # the file as such, so that no line of it is meant

    @property
    def line_count(self) -> int:
        return self.last - self.first + 1

    @property
    def fragment(self) -> str:
        """The part after `#`: empty for a whole file."""
        if self.whole:
            return ""
        return f"L{self.first}" if self.first == self.last else f"L{self.first}-L{self.last}"

    @property
    def url(self) -> str:
        """The address on this site."""
        address = f"/source/{quote(self.path)}"
        return f"{address}#{self.fragment}" if self.fragment else address

    @property
    def words(self) -> str:
        """The location as it is printed: `cluster/worker.py:12–40`."""
        if self.whole:
            return self.path
        if self.first == self.last:
            return f"{self.path}:{self.first}"
        return f"{self.path}:{self.first}–{self.last}"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The text of a location, and the Pygments name of its language."""

    location: Location
    text: str
    language: str


def locate(target: str) -> Location:
    """Return the target's location in the running source, or raise UnknownSource.

    A name that the source had before it was moved leads to where it is today.
    """
    target = target.strip()
    try:
        return _located(target)
    except UnknownSource:
        today = moved(target)
        if today is None:
            raise
    return _located(today)


def _located(target: str) -> Location:
    kind, _, name = target.partition(":")
    if kind in _KINDS and name:
        return _KINDS[kind](name)
    if target in snapshot().files:
        return _whole(snapshot().files[target])
    lines = _LINES.match(target)
    if lines is not None and ("/" in lines["path"] or lines["path"] in snapshot().files):
        return _lines(lines["path"], int(lines["first"]), int(lines["last"] or lines["first"]))
    if not _DOTTED.match(kind) or "/" in target or (name and not _DOTTED.match(name)):
        raise UnknownSource(f"There is no file “{target}” in the running source.")
    return _named(kind, name) if name else _whole(_module_file(kind))


def excerpt(target: str) -> Excerpt:
    """Return the lines of the target, or raise UnknownSource."""
    location = locate(target)
    text = _text(snapshot().files[location.path])
    chosen = text.split("\n")[location.first - 1 : location.last]
    from cluster.kit.source.highlight import language_of  # Pygments, only where text is shown

    return Excerpt(location, "\n".join(chosen) + "\n", language_of(location.path, text))


def constant(target: str) -> tuple[Location, str]:
    """Return the location of `module:NAME`, and its value as written, or raise UnknownSource."""
    location = locate(target)
    found = _definition(location, target.rpartition(":")[2].rpartition(".")[2])
    if found is None or not found.value:
        raise UnknownSource(f"“{target}” is not a constant with one value.")
    return location, found.value


def locate_object(found: Any) -> Location:
    """Return the source of a function or class that runs here, or raise UnknownSource."""
    inner = running.underneath(found)
    if isinstance(inner, FunctionType):
        return _function(inner)
    owner = inner if isinstance(inner, type) else type(inner)
    # A class that a program has made, as messaging makes each service's system events, has no
    # source. The first of its base classes that has one stands for it.
    for written in owner.__mro__:
        location = _class(written)
        if location is not None:
            return location
    raise UnknownSource(f"“{owner.__module__}.{owner.__qualname__}” is not from this source.")


def target_of(found: Any) -> str:
    """Return the target that names a function, a class or a module."""
    if isinstance(found, ModuleType):
        return found.__name__
    return f"{found.__module__}:{found.__qualname__}"


def _class(owner: type) -> Location | None:
    module = sys.modules.get(owner.__module__)
    path = running.module_path(module) if module is not None else None
    if path is None or path not in snapshot().files:
        return None
    text = _text(snapshot().files[path])
    definition = outline(text).find(owner.__qualname__)
    if definition is None:
        return None
    for function in running.functions_of(owner):
        if running.path_of(function.__code__) == path:
            _same(function, path, text)
    return Location(path, definition.first, definition.last)


def _function(function: FunctionType) -> Location:
    path = running.path_of(function.__code__)
    if path is None or path not in snapshot().files:
        raise UnknownSource(f"“{function.__qualname__}” is not from this source.")
    text = _text(snapshot().files[path])
    _same(function, path, text)
    definition = outline(text).function_at(function.__code__.co_firstlineno)
    if definition is not None:
        return Location(path, definition.first, definition.last)
    # A function inside a function has no name to look up, but it has lines.
    numbers = [line for _, _, line in function.__code__.co_lines() if line is not None]
    return Location(path, function.__code__.co_firstlineno, max(numbers))


def _same(function: FunctionType, path: str, text: str) -> None:
    """Raise UnknownSource unless the copy is what was loaded, since line numbers would be wrong."""
    if not running.generated(function) and not running.made_from(function, text):
        raise UnknownSource(
            f"{path} had changed between the start of this process and the moment it was loaded, "
            "so that its lines cannot be told. A restart mends this."
        )


def _named(module: str, qualname: str, *, hops: int = 0) -> Location:
    found = running.loaded(module, qualname)
    inner = running.underneath(found)
    if isinstance(inner, FunctionType | type) and _ours(inner):
        return locate_object(inner)
    if isinstance(inner, ModuleType):
        return _whole(_module_file(inner.__name__))
    file = _module_file(module)
    written = outline(_text(file))
    definition = written.find(qualname)
    if definition is not None:
        return Location(file.path, definition.first, definition.last)
    first, _, rest = qualname.partition(".")
    if first in written.borrowed and hops < FARTHEST:
        origin, name = written.borrowed[first]
        return _named(origin, f"{name}.{rest}" if rest else name, hops=hops + 1)
    raise UnknownSource(f"There is no “{qualname}” in {file.path}.")


def _ours(found: FunctionType | type) -> bool:
    """Return whether it was written here. If not, the line that binds its name is meant."""
    if isinstance(found, FunctionType) and not running.generated(found):
        return running.path_of(found.__code__) in snapshot().files
    module = sys.modules.get(found.__module__)
    return module is not None and running.module_path(module) in snapshot().files


def _module_file(module: str) -> SourceFile:
    files = snapshot().files
    path = module.replace(".", "/")
    found = files.get(f"{path}.py") or files.get(f"{path}/__init__.py")
    if found is None:
        raise UnknownSource(f"There is no module “{module}” in the running source.")
    return found


def _lines(path: str, first: int, last: int) -> Location:
    file = snapshot().files.get(path)
    if file is None:
        raise UnknownSource(f"There is no file “{path}” in the running source.")
    if not 1 <= first <= last <= file.lines:
        raise UnknownSource(f"{path} has {file.lines} lines, so there is no {first}–{last} in it.")
    return Location(path, first, last)


def _whole(file: SourceFile) -> Location:
    return Location(file.path, 1, max(1, file.lines), whole=True)


def _text(file: SourceFile) -> str:
    if file.text is None:
        raise UnknownSource(f"{file.path} is not text.")
    return file.text


def _definition(location: Location, name: str) -> Definition | None:
    for found in outline(_text(snapshot().files[location.path])).definitions:
        if (found.first, found.name, found.kind) == (location.first, name, Kind.CONSTANT):
            return found
    return None


def _message(name: str) -> Location:
    from cluster.messaging.contract import UnknownMessageType, message_type
    from cluster.services import load_all

    load_all()
    try:
        return locate_object(message_type(name).schema)
    except UnknownMessageType as error:
        raise UnknownSource(f"No contract declares the message type “{name}”.") from error


def _route(address: str) -> Location:
    from django.urls import Resolver404, resolve

    try:
        view = resolve(address).func
    except Resolver404 as error:
        raise UnknownSource(f"No page of this site has the address “{address}”.") from error
    return locate_object(view)


def _below(folder: str) -> Callable[[str], Location]:
    def find(name: str) -> Location:
        for path, file in snapshot().files.items():
            if path.endswith(f"/{folder}/{name}"):
                return _whole(file)
        raise UnknownSource(f"There is no file “{name}” under {folder}.")

    return find


_KINDS: Final[dict[str, Callable[[str], Location]]] = {
    "message": _message,
    "route": _route,
    "template": _below("templates"),
    "static": _below("static"),
}
