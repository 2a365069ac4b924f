"""The protocol of every probe: a target, one question, its interval and its patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cluster.secrets.secret_reader import read_secret
from cluster.secrets.vault import SecretsError

EVERY: Final = 1.0  # seconds between two questions
PATIENCE: Final = 1.0  # seconds after which a question without an answer counts as a failure
LOGIN_PATIENCE: Final = 0.5  # seconds for Vault to give a password or a login


class ProbeFailed(Exception):
    """The target answered wrongly or not at all, as the message says for people."""


class TimedOut(ProbeFailed):
    """The target did not answer in time: it may be slow, or away."""


class NothingLearnt(Exception):
    """The question could not be asked, for a reason that is not the target's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that took `milliseconds`, with the facts that only this kind of target has."""

    milliseconds: float
    detail: Any = None


class Probe(Protocol):
    """Asks one target. Used by one thread, which never asks before the last answer."""

    @property
    def target(self) -> str:
        """The name of the process that is asked."""

    def ask(self) -> Answer:
        """Ask once, or raise ProbeFailed or NothingLearnt. Connections stay open in between."""

    def close(self) -> None:
        """Drop the connection, so that the next question opens another."""


def address_with_password(
    address_with: Callable[[Callable[[], dict[str, str]]], str], secret: str
) -> str:
    """Return a server's address with its password, or raise NothingLearnt while Vault is away."""
    try:
        return address_with(lambda: read_secret(secret, patience=LOGIN_PATIENCE))
    except SecretsError as error:
        raise NothingLearnt("Vault gives no password") from error


def in_words(error: Exception) -> str:
    """Return the reason why there was no answer."""
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError):
        return "it cut the connection"
    return " ".join(str(error).split())[:120] or type(error).__name__
