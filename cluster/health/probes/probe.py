"""What every probe is: a target, how often and how patiently it is asked, and one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

EVERY: Final = 1.0  # seconds between two questions
PATIENCE: Final = 1.0  # seconds after which a question without an answer counts as a failure


class ProbeFailed(Exception):
    """The target answered wrongly or not at all; the message says how, for people."""


class TimedOut(ProbeFailed):
    """The target did not answer in time: it may be slow, or away."""


class NothingLearnt(Exception):
    """The question could not be asked, for a reason that is not the target's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The target answered in `milliseconds`, with what only this kind of target tells."""

    milliseconds: float
    detail: Any = None


class Probe(Protocol):
    """Asks one target. Used by one thread, which never asks before the last answer."""

    @property
    def target(self) -> str:
        """The name of the process that is asked."""

    def ask(self) -> Answer:
        """Ask once; raises ProbeFailed or NothingLearnt. Connections stay open in between."""

    def close(self) -> None:
        """Drop the connection; the next question opens another."""
