"""Dead letters for the admin: read through the observer, sent again by a message.

The web server may write in the site's database alone (docs/adr/0045-what-pages-may-read.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from cluster.health.observer.dead_letters import PATH, Letters
from cluster.health.observer.questions import Unanswered, ask
from cluster.messaging.envelope import new_message_id
from cluster.messaging.queries import KeptDeadLetter
from cluster.messaging.replays import replay_command, send_again
from cluster.messaging.system_events import DeadLetterReplayed, announce
from cluster.messaging.work import UnitOfWork
from cluster.operations.dead_letters import why_hopeless
from cluster.services import load
from cluster.storefront.transactions import run_in_transaction
from config.environment import DATABASES


class DeadLettersAway(Exception):
    """The dead letters cannot be read now. The message says why in one sentence."""


class NoSuchDeadLetter(Exception):
    """There is no dead letter of this service and number."""


@dataclass(frozen=True, slots=True)
class Content:
    """The attributes of a dead letter, if it is an envelope, and its body as text."""

    attributes: list[tuple[str, str]]
    data: str  # the payload, indented; empty when the body is no envelope
    body: str
    hopeless: str | None  # why it would come back, if that is certain


def list_dead_letters(*, service: str | None, replayed: bool) -> Letters:
    """Return the newest dead letters of one service or of all. Raises DeadLettersAway."""
    query = {"replayed": "yes" if replayed else "no", **({"service": service} if service else {})}
    return msgspec.json.decode(_ask(f"{PATH}?{urlencode(query)}"), type=Letters)


def find_dead_letter(service: str, number: int) -> KeptDeadLetter:
    """Return one of the dead letters with its body. Raises DeadLettersAway or NoSuchDeadLetter."""
    if service not in DATABASES or number >= 10**18:
        raise NoSuchDeadLetter(f"There is no dead letter {service}:{number}.")
    return msgspec.json.decode(_ask(f"{PATH}/{service}/{number}"), type=KeptDeadLetter)


def content_of(letter: KeptDeadLetter) -> Content:
    """Return the body, parsed as far as it can be read."""
    body = letter.body or b""
    try:
        envelope = json.loads(body)
    except ValueError:
        envelope = None
    attributes: list[tuple[str, str]] = []
    data = ""
    if isinstance(envelope, dict):
        attributes = [(name, str(it)) for name, it in envelope.items() if name != "data"]
        if "data" in envelope:
            data = json.dumps(envelope["data"], indent=2, ensure_ascii=False)
    return Content(attributes, data, letter.text(), why_hopeless(letter))


def ask_for_replays(letters: list[KeptDeadLetter]) -> None:
    """Ask the services of these dead letters to send them again, all of them or none.

    The commands leave by the site's outbox, so that a service that is away gets them when it
    is back. A dead letter of the site itself is sent again at once, as it is in this database.
    Raises DatabaseUnavailable.
    """
    # Chosen here, since the transaction may run again when the result of its commit was lost.
    # A dead letter that is asked for twice is sent once: its count of replays has changed.
    ids = [new_message_id() for _ in letters]

    def act(work: UnitOfWork) -> None:
        for letter, wish_id in zip(letters, ids, strict=True):
            if letter.service == "site":
                _send_own(work, letter)
                continue
            wish = replay_command(letter.service, letter=letter.number, replays=letter.replays)
            work.send(wish, subject_id=wish_id, correlation=wish_id)

    run_in_transaction(act)


def _send_own(work: UnitOfWork, letter: KeptDeadLetter) -> None:
    site = load("site")
    sent = send_again(
        work, letter=letter.number, replays=letter.replays, queue=site.queue, ways=site.ways
    )
    if sent is not None:
        type_, subject = sent
        notice = DeadLetterReplayed(letter=letter.number, type=type_, subject=subject)
        announce(work, notice, None)


def _ask(path: str) -> bytes:
    try:
        answer = ask(path)
    except Unanswered as error:
        raise DeadLettersAway(str(error)) from error
    if answer.status == HTTPStatus.NOT_FOUND and path.startswith(f"{PATH}/"):
        words = answer.body.decode(errors="replace")
        raise NoSuchDeadLetter(f"{words[:1].upper()}{words[1:]}.")
    if answer.status != HTTPStatus.OK:
        raise DeadLettersAway(answer.refusal())
    return answer.body
