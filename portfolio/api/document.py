"""The OpenAPI 3.1 document, made from the types and the rules common to all operations."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, cast

import yaml
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from cluster.kit.problems import PROBLEM_JSON
from portfolio.api.describe import ERRORS, LIMITED, PERSONAL
from portfolio.api.problems import PROBLEM_TYPES

FRAME: Final = Path(__file__).with_name("openapi.yaml")
# A copy may be stored, and is validated at each use: the document changes only at a restart.
CACHING: Final = "public, no-cache"
# Of every operation.
COMMON: Final = (406, 500, 503)
# Of every operation that takes a body.
WITH_BODY: Final = (400, 403, 413, 415, 422)
METHODS: Final = ("get", "put", "post", "delete", "patch")

SUCCESSES: Final = {
    200: "Found.",
    201: "Made.",
    202: "Accepted, with its command in the same transaction.",
    204: "Done.",
}


@cache
def document() -> dict[str, Any]:
    """Return the document, made once in a process, since the operations do not change."""
    from portfolio.api.api import api  # it imports the operations, which import models

    made = yaml.safe_load(FRAME.read_text())
    components = made["components"]
    for status, response in components["responses"].items():
        _add_problem(int(status), response)
    kinds = ["about:blank", *(kind.uri for kind in PROBLEM_TYPES)]
    components["schemas"]["Problem"]["properties"]["type"]["examples"] = kinds
    drawn = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/")))
    made["info"]["version"] = api.version
    made["paths"] = drawn["paths"]
    components["schemas"] |= drawn["components"]["schemas"]
    for item in made["paths"].values():
        for method in METHODS:
            if method in item:
                _complete(method, item[method], components["responses"])
    return cast("dict[str, Any]", made)


def _complete(method: str, operation: dict[str, Any], shared: dict[str, Any]) -> None:
    """Add the parameters, responses and headers that all operations of this kind have.

    `shared` are the responses to which an operation refers by status.
    """
    personal = operation.pop(PERSONAL, True)
    limited = operation.pop(LIMITED, False)
    operation["security"] = [{"bearer": []}, {"session": []}, {}] if personal else []
    responses = operation["responses"]
    for status, response in responses.items():
        response["description"] = SUCCESSES[int(status)]
    for status in _errors(method, operation, personal=personal):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
    parameters = operation["parameters"]
    for parameter in parameters:
        # In a parameter `examples` must be a map. The list is in the schema as well.
        if parameter.pop("examples", None) and "examples" in parameter["schema"]:
            parameter["example"] = parameter["schema"]["examples"][0]
    if method == "get":
        parameters.append({"$ref": "#/components/parameters/IfNoneMatch"})
        responses["200"].setdefault("headers", {})["ETag"] = _header("ETag")
        responses["304"] = {"$ref": "#/components/responses/304"}
    else:
        parameters.append({"$ref": "#/components/parameters/Traceparent"})
        if "202" in responses:
            headers = responses["202"].setdefault("headers", {})
            headers |= {name: _header(name) for name in ("traceparent", "Idempotent-Replayed")}
    if limited:
        _add_quota(responses, shared)
    operation["responses"] = dict(sorted(responses.items()))


def _errors(method: str, operation: dict[str, Any], *, personal: bool) -> set[int]:
    """Return the status of every problem that the operation may end with."""
    errors = {*operation.pop(ERRORS, []), *COMMON}
    places = {parameter.get("in") for parameter in operation.setdefault("parameters", [])}
    if personal:
        errors.add(401)
    if "query" in places:
        errors.add(422)
    for parameter in operation["parameters"]:
        if parameter.get("in") == "path":
            # A malformed UUID matches no route (404). Other values are read before a refusal (422).
            errors |= {404} if parameter["schema"].get("format") == "uuid" else {404, 422}
    if "requestBody" in operation:
        errors.update(WITH_BODY)
    elif method != "get":
        errors.add(403)
    return errors


def _add_quota(responses: dict[str, Any], shared: dict[str, Any]) -> None:
    """Add the RateLimit fields to every response."""
    for status, response in list(responses.items()):
        if "$ref" in response:  # a reference takes no headers: the response is written out
            responses[status] = deepcopy(shared[status])
        headers = responses[status].setdefault("headers", {})
        headers |= {name: _header(name) for name in ("RateLimit-Policy", "RateLimit")}


def _add_problem(status: int, response: dict[str, Any]) -> None:
    """Add the problem document that an error comes with."""
    if status < HTTPStatus.BAD_REQUEST:
        return
    kind = next((kind for kind in PROBLEM_TYPES if kind.status == status), None)
    response["content"] = {
        PROBLEM_JSON: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": {
                "type": kind.uri if kind else "about:blank",
                "title": kind.title if kind else HTTPStatus(status).phrase,
                "status": status,
                "detail": response["description"],
                "instance": "/api/v1/checkouts",
            },
        }
    }


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


@cache
def _encoded() -> bytes:
    return json.dumps(document(), indent=1).encode()


@csrf_exempt
@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    """Return the document, which pages of every origin may read."""
    return HttpResponse(
        _encoded(),
        content_type="application/json",
        headers={
            "Cache-Control": CACHING,
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )
