"""Template filters for the schemas of the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def kind(schema: dict[str, Any]) -> str:
    """Return the type of a value in a few words."""
    if "$ref" in schema:
        return target(schema)
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    name = str(schema.get("format") or schema.get("type", "any"))
    least, most = schema.get("minimum"), schema.get("maximum")
    return f"{name}, {least} to {most}" if least is not None and most is not None else name


@register.filter
def target(schema: dict[str, Any]) -> str:
    """Return the name of the schema that is referred to, or an empty string."""
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    return str(reference).rpartition("/")[2]
