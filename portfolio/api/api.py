"""The API: its routers, one for each resource, and its URL patterns for Django."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from django.http import HttpRequest
from django.urls import URLPattern
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.parser import Parser

from cluster.messaging.envelope import UNSTORABLE, storable_text
from portfolio.api import (
    checkouts,
    demos,
    erasures,
    experiments,
    orders,
    products,
    refunds,
    search,
    system,
    tokens,
    traces,
)
from portfolio.api.guard import checked_write, guarded
from portfolio.api.problems import add_problem_handlers, invalid

# Each module has one router. A new resource is a module more, and a line here.
ROUTERS: Final = (
    products.router,
    checkouts.router,
    orders.orders,
    orders.payments,
    refunds.router,
    erasures.router,
    tokens.router,
    demos.router,
    experiments.router,
    search.router,
    traces.router,
    system.router,
)


class TextParser(Parser):
    """Ninja's parser of bodies, which takes storable text only.

    JSON can spell U+0000 and halves of a surrogate pair by escapes. The first is no character of
    PostgreSQL's text; the second is no character at all (RFC 7493, 2.1). Both would fail later.
    """

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the decoded body.

        Raises Problem for text that cannot be stored, ValueError when the body is not JSON.
        """
        document = json.loads(request.body)
        errors = [_error(pointer, found) for pointer, found in _unstorable(document)]
        if errors:
            raise invalid(errors)
        return cast("dict[str, Any]", document)


def _error(pointer: str, character: str) -> dict[str, str]:
    return {
        "pointer": storable_text(pointer),
        "detail": f"The text holds U+{ord(character):04X}, which cannot be stored",
    }


def _unstorable(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the JSON Pointer and the first bad character of each text, member names included."""
    waiting: list[tuple[str, Any]] = [("#", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, str):
            found = UNSTORABLE.search(value)
            if found is not None:
                yield pointer, found[0]
        elif isinstance(value, dict):
            for name, member in value.items():
                place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
                waiting += [(place, name), (place, member)]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{place}", member) for place, member in enumerate(value)]


class _Api(NinjaAPI):
    """The API, whose operations have the names of their functions unless they say another.

    Clients know them: renaming such a function renames its operation.
    """

    def get_openapi_operation_id(self, operation: Operation) -> str:
        first, *others = operation.view_func.__name__.split("_")
        return first + "".join(map(str.capitalize, others))


def _made() -> NinjaAPI:
    # The document and its page are ours (document.py, page.py).
    made = _Api(
        title="Working timetable",
        version="1.0.0",
        openapi_url=None,
        docs_url=None,
        parser=TextParser(),
    )
    made.add_decorator(checked_write, mode="view")
    add_problem_handlers(made)
    for router in ROUTERS:
        made.add_router("", router)
    return made


api: Final = _made()


def sources() -> dict[str, str]:
    """Return the source of each operation as `module:function`, by operation id."""
    return {
        operation.operation_id or api.get_openapi_operation_id(operation): (
            f"{operation.view_func.__module__}:{operation.view_func.__name__}"
        )
        for router in ROUTERS
        for view in router.path_operations.values()
        for operation in view.operations
    }


def addresses() -> list[Any]:
    """Return the URL patterns of all operations, each behind the guard."""
    patterns, _, _ = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = guarded(pattern.callback)
    return patterns
