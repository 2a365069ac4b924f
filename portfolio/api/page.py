"""`/api/`: the OpenAPI document as a page for people, rendered on the server."""

from __future__ import annotations

import json
import shlex
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cluster.kit.page_cache import cached_page
from portfolio.api.api import sources
from portfolio.api.document import METHODS, document
from portfolio.api.idempotency import FIELD
from portfolio.api.problems import PROBLEM_TYPES

BODY: Final = "application/json"
SAMPLE: Final = {"uuid": "0193664e-0d2e-7c43-8f52-3c1d6a5b4e21"}  # by the `format` of a string


@require_safe
@cached_page(lifetime=60.0)
def page(request: HttpRequest) -> HttpResponse:
    """Show the operations by tag, their parameters and responses, and every type of problem."""
    drawn = document()
    site = f"{request.scheme}://{request.get_host()}"
    operations = [
        _operation(drawn, method, path, item[method], site)
        for path, item in drawn["paths"].items()
        for method in METHODS
        if method in item
    ]
    context = {
        "groups": [
            (tag, [operation for operation in operations if tag["name"] in operation["tags"]])
            for tag in drawn["tags"]
        ],
        "shapes": [
            (name, schema.get("description", ""), _members(schema))
            for name, schema in sorted(drawn["components"]["schemas"].items())
            if "properties" in schema
        ],
        "kinds": PROBLEM_TYPES,
        "paragraphs": drawn["info"]["description"].split("\n\n"),
    }
    return render(request, "portfolio/api.html", context)


def _operation(
    drawn: dict[str, Any], method: str, path: str, operation: dict[str, Any], site: str
) -> dict[str, Any]:
    """Return the operation with its references resolved, and the shell command that calls it."""
    parameters = [_resolved(drawn, parameter) for parameter in operation["parameters"]]
    content = operation.get("requestBody", {}).get("content", {}).get(BODY, {})
    address = f"{drawn['servers'][0]['url']}{path}"
    return operation | {
        "method": method.upper(),
        "path": address,
        "parameters": parameters,
        "body": content.get("schema", {}),
        "responses": [
            _response(status, _resolved(drawn, response))
            for status, response in operation["responses"].items()
        ],
        "curl": _curl(method, f"{site}{address}", parameters, content),
        "source": sources().get(operation["operationId"], ""),
    }


def _response(status: str, response: dict[str, Any]) -> dict[str, Any]:
    contents = [content["schema"] for content in response.get("content", {}).values()]
    return {
        "name": f"{status} {HTTPStatus(int(status)).phrase}",
        "description": response["description"],
        "schema": contents[0] if contents else {},
    }


def _members(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """Return each member with its schema, and whether it is required."""
    required = schema.get("required", [])
    return [(name, about, name in required) for name, about in schema["properties"].items()]


def _curl(
    method: str, address: str, parameters: list[dict[str, Any]], content: dict[str, Any]
) -> str:
    """Return the shell command that calls the operation, with its required parameters."""
    query, keyed = "", False
    for parameter in parameters:
        if not parameter.get("required"):
            continue
        value = str(_sample(parameter))
        match parameter["in"]:
            case "path":
                address = address.replace(f"{{{parameter['name']}}}", value)
            case "query":
                query = f"?{parameter['name']}={value}"
            case _:  # among the headers, only the idempotency key is required
                keyed = True
    body = content.get("example", {}) if content else None
    return shell_line(method, address + query, body=body, keyed=keyed)


def shell_line(
    method: str, address: str, *, body: dict[str, Any] | None = None, keyed: bool = False
) -> str:
    """Return the shell command of a request, with a JSON body and a new idempotency key."""
    line = ["curl", "-i", "-b", "jar", "-c", "jar"]
    if method != "get":
        line += ["-X", method.upper()]
    if body is not None:
        line += ["-H", f"Content-Type: {BODY}", "-d", json.dumps(body)]
    # Quoted so that the shell makes a new key each time.
    key = f' -H "{FIELD}: $(uuidgen)"' if keyed else ""
    return f"{shlex.join(line)}{key} {shlex.quote(address)}"


def _sample(parameter: dict[str, Any]) -> Any:
    schema = parameter["schema"]
    if "example" in parameter:
        return parameter["example"]
    examples = schema.get("examples")
    return examples[0] if examples else SAMPLE.get(schema.get("format", ""), 1)


def _resolved(drawn: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    _, kind, name = part["$ref"].rsplit("/", 2)
    found: dict[str, Any] = drawn["components"][kind][name]
    return found
