"""The OpenAPI document describes every operation, parameter and error that the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import RequestFactory

from portfolio.api.document import METHODS, document
from portfolio.api.page import page
from portfolio.api.problems import PROBLEM_TYPES
from tests.json_pointers import references, resolved


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", item[method])
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    ]


@pytest.mark.parametrize(("name", "operation"), operations(), ids=[n for n, _ in operations()])
def test_an_operation_says_what_it_does_takes_gives_and_how_it_fails(
    name: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    for parameter in operation["parameters"]:
        assert "$ref" in parameter or parameter.get("description"), parameter
    for status, response in operation["responses"].items():
        if int(status) >= 400 and "$ref" not in response:
            assert list(response["content"]) == ["application/problem+json"]
    assert {"406", "500", "503"} <= operation["responses"].keys()
    if "requestBody" in operation:
        assert operation["requestBody"]["content"]["application/json"]["example"] is not None
        assert {"400", "403", "413", "415", "422"} <= operation["responses"].keys()


def test_no_text_of_a_body_is_said_to_hold_u_0000() -> None:
    """It is refused everywhere (`test_bodies.py`), so a schema that allowed it would be wrong."""
    whole = document()
    bodies = [
        resolved(whole, reference)
        for _, operation in operations()
        for reference in references(operation.get("requestBody", {}))
    ]
    texts = [text for body in bodies for text in strings(body)]
    assert texts
    for text in texts:
        assert {"format", "enum", "const"} & text.keys() or not re.search(text["pattern"], "a\0")


def strings(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of a string inside a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "string":
            yield schema
        for member in schema.values():
            yield from strings(member)
    elif isinstance(schema, list):
        for member in schema:
            yield from strings(member)


def test_every_reference_leads_somewhere() -> None:
    drawn = document()
    for reference in set(references(drawn)):
        assert resolved(drawn, reference)


def test_every_tag_is_described_and_used() -> None:
    used = {tag for _, operation in operations() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document()["tags"] if tag["description"]}


def test_the_document_is_valid_openapi() -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR  # takes three seconds

    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(document())] == []


def test_nothing_of_how_it_is_made_is_left_in_it() -> None:
    assert not [key for _, operation in operations() for key in operation if key.startswith("x-")]
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_the_page_has_every_operation_and_explains_every_type_of_problem() -> None:
    view = page.__wrapped__.__wrapped__  # type: ignore[attr-defined]  # without the cache
    drawn = view(RequestFactory(SERVER_NAME="127.0.0.1").get("/api/")).content.decode()
    for _, operation in operations():
        assert f'id="{operation["operationId"]}"' in drawn
    for kind in PROBLEM_TYPES:
        assert f'id="{kind.name}"' in drawn
    assert "curl -i -b jar -c jar" in drawn
