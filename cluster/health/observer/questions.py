"""Questions of the site to the observer, about rows that the site may not read itself."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cluster.health.observer.dead_letters import key
from cluster.secrets.vault import SecretsError
from config.environment import MissingSetting, observer_url

PATIENCE: Final = 8.0  # seconds for rows of all databases; one that is away costs two
LONGEST_ANSWER: Final = 8 * 1024 * 1024  # bytes


class Unanswered(Exception):
    """The observer could not be asked. The message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the body of an answer of the observer."""

    status: int
    body: bytes

    def refusal(self) -> str:
        """Return the body of an error as one sentence."""
        words = self.body.decode(errors="replace")
        return words if words.endswith(".") else f"The observer answered: {words}."


def ask(path: str, body: bytes | None = None, *, within: float = PATIENCE) -> Answer:
    """GET a path of the observer, or POST `body` to it, and return the answer.

    Raises Unanswered, after `within` seconds of silence at the latest.
    """
    try:
        address = urlsplit(observer_url())
        headers = {"Authorization": f"Bearer {key()}"}
        connection = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=within
        )
        try:
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(LONGEST_ANSWER))
        finally:
            connection.close()
    except SecretsError as error:
        raise Unanswered("Vault is away, and without it nobody may read them.") from error
    except (OSError, http.client.HTTPException, MissingSetting) as error:
        raise Unanswered("The observer, which reads them, is away.") from error
