"""Find the lines from which a running object was made.

Only modules that this process has loaded are examined. Another module is not imported
for the sake of a link, since imports have effects. Its lines come from the same copy
of the file that an import at the start would have read.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from config import environment

DEEPEST: Final = 20  # wrappers around one function; more means a loop
MISSING: Final = object()


def loaded(module: str, qualname: str) -> Any:
    """Return the object of this name in a module that this process has loaded, or MISSING."""
    found: Any = sys.modules.get(module, MISSING)
    for name in qualname.split("."):
        if found is MISSING:
            return MISSING
        # Statically, so that no property or descriptor runs, except what a module makes lazily.
        found = (
            vars(found).get(name, MISSING)
            if isinstance(found, ModuleType)
            else _member(found, name)
        )
    return found


def underneath(found: Any) -> Any:
    """Return the function or class itself, without decorators, descriptors and `as_view`."""
    for _ in range(DEEPEST):
        inner = _inner(found)
        if inner is None:
            return found
        found = inner
    return found


def path_of(code: CodeType) -> str | None:
    """Return the path in the repository of the file that the code was compiled from."""
    return _in_repository(code.co_filename)


def module_path(module: ModuleType) -> str | None:
    """Return the path in the repository of a loaded module's file."""
    file = getattr(module, "__file__", None)
    return _in_repository(file) if isinstance(file, str) else None


def functions_of(found: Any) -> Iterator[FunctionType]:
    """Yield the function, or the functions of the class, as they run."""
    if isinstance(found, FunctionType):
        yield found
    elif inspect.isclass(found):
        for member in vars(found).values():
            inner = underneath(member)
            # A function that was defined outside the class, or generated, has other lines.
            if isinstance(inner, FunctionType) and inner.__qualname__ == (
                f"{found.__qualname__}.{inner.__name__}"
            ):
                yield inner


def made_from(function: FunctionType, text: str) -> bool:
    """Return whether this text compiles to the function that runs, on the same lines."""
    try:
        return _fingerprint(function.__code__) in _compiled(text)
    except (SyntaxError, ValueError):
        return False


def generated(function: FunctionType) -> bool:
    """Return whether the function was made from a string, as `dataclass` makes `__init__`."""
    return function.__code__.co_filename.startswith("<")


def _member(owner: Any, name: str) -> Any:
    return inspect.getattr_static(owner, name, MISSING)


def _inner(found: Any) -> Any:
    if isinstance(found, staticmethod | classmethod):
        return found.__func__
    if isinstance(found, property):
        return found.fget
    if isinstance(found, functools.partial | functools.cached_property):
        return found.func
    if inspect.ismethod(found):
        return found.__func__
    view_class = inspect.getattr_static(found, "view_class", None)
    if isinstance(found, FunctionType) and inspect.isclass(view_class):
        return view_class
    if inspect.isclass(found):
        return None
    return inspect.getattr_static(found, "__wrapped__", None)


def _in_repository(file: str) -> str | None:
    try:
        return Path(file).resolve().relative_to(environment.ROOT).as_posix()
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _compiled(text: str) -> frozenset[Any]:
    """Return the fingerprints of all functions in the text."""
    top = compile(text, "<copy>", "exec", dont_inherit=True)
    return frozenset(_fingerprint(code) for code in _codes(top))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _fingerprint(code: CodeType) -> tuple[Any, ...]:
    """Return a value that is equal for two code objects that differ only in the file's name.

    Code objects compare unequal once one has run: the interpreter changes it.
    """
    return (
        code.co_name,
        code.co_firstlineno,
        code.co_code,
        code.co_names,
        code.co_linetable,
        tuple(_constant(value) for value in code.co_consts),
    )


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _fingerprint(value)
    if isinstance(value, frozenset):
        return tuple(sorted(map(repr, value)))  # its order is not part of it
    return repr(value)
