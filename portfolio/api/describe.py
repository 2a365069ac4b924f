"""The parts of an operation's OpenAPI description that its types do not contain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

# Vendor fields: `document.py` reads and removes them.
PERSONAL: Final = "x-personal"
ERRORS: Final = "x-errors"
LIMITED: Final = "x-limited"


def told(
    *,
    personal: bool = True,
    errors: Iterable[int] = (),
    idempotent: bool = False,
    limited: bool = False,
    located: bool = False,
    conditional: bool = False,
    request_example: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation.

    `personal`: it acts for a visitor, by token or session. `errors`: its statuses beyond those
    of all operations (`document.COMMON`). `idempotent`: it needs an Idempotency-Key.
    `limited`: it has a quota. `located`: its answer names the new resource's address.
    `conditional`: it needs If-Match, and answers with the new entity tag.
    """
    statuses = list(errors)
    extra: dict[str, Any] = {PERSONAL: personal, LIMITED: limited}
    if idempotent:
        extra["parameters"] = [{"$ref": "#/components/parameters/IdempotencyKey"}]
        statuses.append(409)
    if limited:
        statuses.append(429)
    extra[ERRORS] = statuses
    if located:
        extra["responses"] = {202: {"headers": {"Location": {"$ref": _HEADER + "Location"}}}}
    if conditional:
        extra["parameters"] = [{"$ref": "#/components/parameters/IfMatch"}]
        statuses += (412, 428)
        extra["responses"] = {200: {"headers": {"ETag": {"$ref": _HEADER + "ETag"}}}}
    if request_example is not None:
        extra["requestBody"] = {"content": {"application/json": {"example": dict(request_example)}}}
    return extra


_HEADER: Final = "#/components/headers/"
