"""The API answers every body that it cannot accept with a problem document."""

from __future__ import annotations

import io
from typing import Any, Final

import pytest
from django.test import RequestFactory

from portfolio.api.api import api
from portfolio.api.problems import INVALID
from tests.problems import problem

ADDRESS: Final = "/api/v1/tokens/revoke"


def post(body: bytes, stream: io.BytesIO | None = None) -> Any:
    """Return the operation's answer without the site's middleware, which needs its servers."""
    request = RequestFactory().post(ADDRESS, body, content_type="application/json")
    if stream is not None:
        request._stream = stream
    [view] = [
        each.callback
        for each in api.urls[0]
        if str(each.pattern) == "tokens/revoke" and each.callback is not None
    ]
    return view(request)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b'{"sku": "a\\u0000b"}', {"#/sku": "U+0000"}),
        (b'{"sku": "a\\ud800"}', {"#/sku": "U+D800"}),
        (b'{"a/b~\\udfff": [1, {"c": "\\u0000"}]}', {"#/a~1b~0\ufffd": "U+DFFF",
                                                       "#/a~1b~0\ufffd/1/c": "U+0000"}),
        (b'"\\u0000"', {"#": "U+0000"}),
    ],
)  # fmt: skip
def test_text_that_cannot_be_stored_is_refused_under_its_pointer(
    body: bytes, errors: dict[str, str]
) -> None:
    answer = post(body)

    document = problem(answer, 422)
    assert document["type"] == INVALID.uri
    found = {each["pointer"]: each["detail"] for each in document["errors"]}
    assert found == {
        pointer: f"The text holds {character}, which cannot be stored"
        for pointer, character in errors.items()
    }


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert b"cannot be stored" not in post(b'{"nothing": "\\ud83d\\ude80"}').content


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 50_000, b"9" * 5_000])
def test_what_is_not_json_is_said_to_be_none(body: bytes) -> None:
    answer = post(body)

    assert problem(answer, 400)["detail"] == "The body is not JSON."


class _BrokenOff(io.BytesIO):
    """The body of a client that closes its connection while it sends."""

    def read(self, *_: Any) -> bytes:
        raise OSError("connection reset by peer")


def test_a_body_that_breaks_off_is_said_to_have_done_so() -> None:
    answer = post(b"{}", _BrokenOff())

    assert "The body broke off." in problem(answer, 400)["detail"]
