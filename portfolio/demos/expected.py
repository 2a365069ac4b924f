"""What a demo expects of the API's answers, and what it says when it is told something else."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec

from cluster.storefront.checkout_intake import InvalidRequest
from portfolio.demos.caller import Answer
from portfolio.demos.result import Exchange

SHOWN: Final = 12  # characters of a secret


def expect(answer: Answer, status: HTTPStatus) -> Answer:
    """The answer, when it has this status; raises InvalidRequest in the API's own words."""
    if answer.status != status:
        raise InvalidRequest(_said(answer))
    return answer


def succeeded(answer: Answer) -> Answer:
    """The answer, when it is no problem; raises InvalidRequest in the API's own words."""
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise InvalidRequest(_said(answer))
    return answer


def _said(answer: Answer) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The API answered with {answer.status}."


def without(exchange: Exchange, secrets: Iterable[str]) -> Exchange:
    """The record of a request with the beginnings of these secrets in their places.

    Whoever has a run's address can read it.
    """
    asked, told = exchange.request_body, exchange.response_body
    for secret in secrets:
        shown = f"{secret[:SHOWN]}…"
        asked, told = asked.replace(secret, shown), told.replace(secret, shown)
    return msgspec.structs.replace(exchange, request_body=asked, response_body=told)
