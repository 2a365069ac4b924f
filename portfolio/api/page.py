"""`/api/`: the OpenAPI document as a page for people, rendered on the server."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cluster.kit.page_cache import cached_page
from portfolio.api.api import sources
from portfolio.api.document import METHODS, document
from portfolio.api.problems import PROBLEM_TYPES

BODY: Final = "application/json"
SAMPLE: Final = {"uuid": "0193664e-0d2e-7c43-8f52-3c1d6a5b4e21"}  # by the `format` of a string


@dataclass(frozen=True, slots=True)
class Named:
    """A parameter, a member of a schema or a status, each with its meaning."""

    name: str
    kind: str
    about: str
    required: bool = False
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, with the shell command that calls it."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    personal: bool
    parameters: list[Named]
    body: str
    responses: list[Named]
    curl: str
    source: str


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    about: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema as a table of its members."""

    name: str
    about: str
    members: list[Named]


@require_safe
@cached_page(lifetime=60.0)
def page(request: HttpRequest) -> HttpResponse:
    """Show the operations by tag, their parameters and responses, and every type of problem."""
    drawn = document()
    site = f"{request.scheme}://{request.get_host()}"
    context = {
        "groups": _groups(drawn, site),
        "shapes": [
            _shape(name, schema)
            for name, schema in sorted(drawn["components"]["schemas"].items())
            if "properties" in schema
        ],
        "kinds": PROBLEM_TYPES,
        "paragraphs": drawn["info"]["description"].split("\n\n"),
    }
    return render(request, "portfolio/api.html", context)


def _groups(drawn: dict[str, Any], site: str) -> list[Group]:
    found = [
        (operation["tags"][0], _operation(drawn, method, path, operation, site))
        for path, item in drawn["paths"].items()
        for method in METHODS
        if (operation := item.get(method))
    ]
    return [
        Group(
            tag["name"],
            tag.get("description", ""),
            [operation for name, operation in found if name == tag["name"]],
        )
        for tag in drawn["tags"]
    ]


def _operation(
    drawn: dict[str, Any], method: str, path: str, operation: dict[str, Any], site: str
) -> Operation:
    parameters = [_resolved(drawn, parameter) for parameter in operation["parameters"]]
    content = operation.get("requestBody", {}).get("content", {}).get(BODY, {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=f"{drawn['servers'][0]['url']}{path}",
        summary=operation["summary"],
        about=operation.get("description", ""),
        personal=bool(operation["security"]),
        parameters=[
            Named(
                parameter["name"],
                f"{parameter['in']}, {_kind(parameter['schema'])}",
                parameter.get("description", ""),
                parameter.get("required", False),
            )
            for parameter in parameters
        ],
        body=_target(content.get("schema", {})),
        responses=[
            _response(status, _resolved(drawn, response))
            for status, response in operation["responses"].items()
        ],
        curl=_curl(method, f"{site}{drawn['servers'][0]['url']}{path}", parameters, content),
        source=sources().get(operation["operationId"], ""),
    )


def _response(status: str, response: dict[str, Any]) -> Named:
    contents: list[dict[str, Any]] = list(response.get("content", {}).values())
    schema = contents[0]["schema"] if contents else {}
    return Named(
        f"{status} {HTTPStatus(int(status)).phrase}",
        _kind(schema) if schema else "",
        response["description"],
        schema=_target(schema),
    )


def _curl(
    method: str, address: str, parameters: list[dict[str, Any]], content: dict[str, Any]
) -> str:
    """Return the shell command that calls the operation, with its required parameters."""
    query = key = ""
    line = ["curl", "-i", "-b", "jar", "-c", "jar"]
    if method != "get":
        line += ["-X", method.upper()]
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
                # Quoted so that the shell makes a new one each time.
                key = f' -H "{parameter["name"]}: $(uuidgen)"'
    if content:
        line += ["-H", f"Content-Type: {BODY}", "-d", json.dumps(content.get("example", {}))]
    return f"{shlex.join(line)}{key} {shlex.quote(address + query)}"


def _sample(parameter: dict[str, Any]) -> Any:
    schema = parameter["schema"]
    if "example" in parameter:
        return parameter["example"]
    examples = schema.get("examples")
    return examples[0] if examples else SAMPLE.get(schema.get("format", ""), 1)


def _shape(name: str, schema: dict[str, Any]) -> Shape:
    required = schema.get("required", [])
    return Shape(
        name,
        schema.get("description", ""),
        [
            Named(
                member,
                _kind(about),
                about.get("description", ""),
                member in required,
                _target(about),
            )
            for member, about in schema["properties"].items()
        ],
    )


def _kind(schema: dict[str, Any]) -> str:
    """Return the type of a value in a few words."""
    if "$ref" in schema:
        return _target(schema)
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    kind = str(schema.get("format") or schema.get("type", "any"))
    least, most = schema.get("minimum"), schema.get("maximum")
    return f"{kind}, {least} to {most}" if least is not None and most is not None else kind


def _target(schema: dict[str, Any]) -> str:
    """Return the name of the schema that is referred to, or an empty string."""
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    return str(reference).rpartition("/")[2]


def _resolved(drawn: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    _, kind, name = part["$ref"].rsplit("/", 2)
    found: dict[str, Any] = drawn["components"][kind][name]
    return found
