"""Dead letters for the admin: read through the observer, sent again by a message.

The web process may open only the site's database (docs/adr/0016-replay-from-the-admin.md).
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from cluster.health.observer.dead_letters import PATH, Letters, key
from cluster.messaging.envelope import new_message_id
from cluster.messaging.queries import KeptDeadLetter
from cluster.messaging.replays import replay_command, send_again
from cluster.messaging.system_events import DeadLetterReplayed, announce
from cluster.messaging.work import UnitOfWork
from cluster.operations.dead_letters import why_hopeless
from cluster.secrets.vault import SecretsError
from cluster.services import load
from cluster.storefront.transactions import run_in_transaction
from config.environment import DATABASES, MissingSetting, observer_url

PATIENCE: Final = 8.0  # seconds for all databases; one that is away costs two
LONGEST_ANSWER: Final = 8 * 1024 * 1024  # bytes


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
        address = urlsplit(observer_url())
        headers = {"Authorization": f"Bearer {key()}"}
        connection: Any = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=PATIENCE
        )
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body: bytes = answer.read(LONGEST_ANSWER)
        finally:
            connection.close()
    except SecretsError as error:
        raise DeadLettersAway("Vault is away, and without it nobody may read them.") from error
    except (OSError, http.client.HTTPException, MissingSetting) as error:
        raise DeadLettersAway("The observer, which reads them, is away.") from error
    words = body.decode(errors="replace")
    if answer.status == http.client.NOT_FOUND and path.startswith(f"{PATH}/"):
        raise NoSuchDeadLetter(f"{words[:1].upper()}{words[1:]}.")
    if answer.status != http.client.OK:
        raise DeadLettersAway(words if words.endswith(".") else f"The observer answered: {words}.")
    return body
