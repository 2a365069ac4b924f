"""The site answers a malformed request with a 400 in words, and logs it in one line."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from cluster.kit.problems import PROBLEM_JSON
from config.logs import RefusedRequests
from tests.problems import problem

TOO_MANY = "?" + "&".join(f"p{number}=1" for number in range(1_001))


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False, SERVER_NAME="localhost")


@pytest.mark.parametrize("path", ["/api/v1/products", "/api/v1/search"])
def test_an_operation_with_too_many_parameters_says_how_many_there_may_be(
    client: Client, path: str
) -> None:
    told = problem(client.get(path + TOO_MANY), HTTPStatus.BAD_REQUEST)
    assert told["detail"] == "The request has more than 1,000 parameters."


def test_a_page_with_too_many_parameters_says_so_in_words(client: Client) -> None:
    answer = client.get("/search/" + TOO_MANY)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "The request has more than 1,000 parameters." in answer.content.decode()


def test_a_form_that_is_no_multipart_is_refused_in_words(client: Client) -> None:
    answer = client.post(
        "/contact/", data=b"x", content_type="multipart/form-data; boundary=" + "b" * 300
    )
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "not well-formed multipart data" in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "kind"), [("/about/", "text/html"), ("/api/v1/search", PROBLEM_JSON)]
)
def test_an_unknown_host_gets_a_plain_answer_and_nothing_breaks(
    client: Client, caplog: pytest.LogCaptureFixture, path: str, kind: str
) -> None:
    answer = client.get("/nowhere" + path, headers={"Host": "evil.example"})
    # The first middleware that needs the name of the host refuses it.
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "This site does not answer under that name." in answer.content.decode()
    assert "could not be drawn" not in caplog.text


def test_an_unknown_host_is_logged_once(client: Client) -> None:
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign, assignment]
    logger = logging.getLogger("django")  # its records go no further
    logger.addHandler(handler)
    try:
        client.get("/nowhere/", headers={"Host": "evil.example"})
    finally:
        logger.removeHandler(handler)
    assert [record.name for record in lines] == ["django.security.DisallowedHost"]
    assert "evil.example" in lines[0].getMessage()


def test_a_refused_request_is_logged_without_a_traceback() -> None:
    def kept(name: str, **extra: Any) -> bool:
        record = logging.LogRecord(name, logging.ERROR, "", 0, "m", (), (ValueError, None, None))  # type: ignore[arg-type]
        record.__dict__ |= extra
        assert RefusedRequests().filter(record)
        return record.exc_info is not None

    assert not kept("django.security.DisallowedHost")
    assert not kept("django.request", status_code=400)
    assert kept("django.request", status_code=500)
    assert kept("articles.figures.fill")
