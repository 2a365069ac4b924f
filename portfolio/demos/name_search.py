"""The search for a name in every table of every database, which the observer does for a demo."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

from cluster.health.observer.name_search import PATH, Found, Since, Wanted
from cluster.health.observer.questions import Unanswered, ask
from cluster.storefront.checkout_intake import InvalidRequest

WITHIN: Final = 20.0  # seconds; it reads some rows of every table


class SearchAway(InvalidRequest):
    """The databases cannot be searched now. The message says why in one sentence."""


def begin_search() -> Since:
    """Return the state of all tables before a name exists. Raises SearchAway."""
    return msgspec.json.decode(_ask(None), type=Since)


def search_everywhere(name: str, since: Since) -> list[Found]:
    """Return the tables with `name`, for each database. Raises SearchAway."""
    return msgspec.json.decode(_ask(msgspec.json.encode(Wanted(name, since))), type=list[Found])


def _ask(body: bytes | None) -> bytes:
    try:
        answer = ask(PATH, body, within=WITHIN)
    except Unanswered as error:
        raise SearchAway(f"The databases cannot be searched. {error}") from error
    if answer.status != HTTPStatus.OK:
        raise SearchAway(f"The databases cannot be searched. {answer.refusal()}")
    return answer.body
