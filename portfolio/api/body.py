"""The parser of JSON bodies, which refuses text that PostgreSQL or strict JSON cannot hold.

JSON can spell U+0000 and halves of a surrogate pair by escapes. The first is no character of
PostgreSQL's text; the second is no character at all (RFC 7493, 2.1). Both would fail later, so
they are refused here, with the JSON Pointer of the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from django.http import HttpRequest
from ninja.parser import Parser

from cluster.messaging.envelope import UNSTORABLE, storable_text
from portfolio.api.problems import invalid


class TextParser(Parser):
    """Ninja's parser of bodies, which takes storable text only."""

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
