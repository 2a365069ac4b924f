"""Problem documents (RFC 9457), as every program gets them."""

from __future__ import annotations

import json
from typing import Any

from cluster.kit.problems import PROBLEM_JSON


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Assert that an answer is a problem document with this status, and return the document.

    The answer is one of `requests` or of Django.
    """
    told = (answer.status_code, answer.headers["Content-Type"])
    assert told == (status, PROBLEM_JSON), answer.content
    document: dict[str, Any] = json.loads(answer.content)
    assert document["status"] == status
    return document
