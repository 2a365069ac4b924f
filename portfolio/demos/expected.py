"""The answers that a demo expects of the API or waits for, and the errors for all others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from cluster.storefront.checkout_intake import InvalidRequest
from config.waiting import wait_until
from portfolio.demos.caller import Answer
from portfolio.demos.result import Exchange

SHOWN: Final = 12  # characters of a secret


def expect(answer: Answer, status: HTTPStatus) -> Answer:
    """Return the answer when it has this status.

    Raises InvalidRequest in the API's own words when it has another.
    """
    if answer.status != status:
        raise InvalidRequest(_said(answer))
    return answer


def succeeded(answer: Answer) -> Answer:
    """Return the answer when its status is below 400.

    Raises InvalidRequest in the API's own words when it is not.
    """
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise InvalidRequest(_said(answer))
    return answer


def _said(answer: Answer) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The API answered with {answer.status}."


def asked_until(
    holds: Callable[[Answer], bool], ask: Callable[[], Answer], *, within: float, every: float
) -> tuple[list[Answer], float]:
    """Ask until an answer holds or time is up, and return all answers and the milliseconds."""
    began = time.monotonic()
    answers: list[Answer] = []

    def is_answered() -> bool:
        answers.append(ask())
        return holds(answers[-1])

    wait_until(is_answered, within=within, every=every)
    return answers, (time.monotonic() - began) * 1000


def one_of_each(kinds: Iterable[tuple[str, Sequence[Answer]]]) -> Iterator[Exchange]:
    """Yield the first request of each kind that there is, with a note on what it shows."""
    for note, answers in kinds:
        for answer in answers[:1]:
            yield msgspec.structs.replace(answer.exchange, note=note)


def without(exchange: Exchange, secrets: Iterable[str]) -> Exchange:
    """Return the record of a request with only the first characters of these secrets.

    Everyone who has a run's address can read the record.
    """
    asked, told = exchange.request_body, exchange.response_body
    for secret in secrets:
        shown = f"{secret[:SHOWN]}…"
        asked, told = asked.replace(secret, shown), told.replace(secret, shown)
    return msgspec.structs.replace(exchange, request_body=asked, response_body=told)
