"""The API: its routers, one for each resource, and its URL patterns for Django."""

from __future__ import annotations

from typing import Any, Final

from django.urls import URLPattern
from ninja import NinjaAPI
from ninja.operation import Operation

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
from portfolio.api.body import TextParser
from portfolio.api.guard import checked_write, guarded
from portfolio.api.problems import add_problem_handlers

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
