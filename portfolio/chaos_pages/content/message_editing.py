"""The form that edits a message in flight: the operations, and a checkout's messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chaos.message_editing import CHOICES, LONGEST_DELAY, OPERATIONS, SHORTEST_DELAY, Choice
from cluster.storefront.checkout_intake import Outcome

# A message is edited in a checkout of the first of these outcomes in which it is sent.
PREFERRED: Final = (
    Outcome.SUCCESS,
    Outcome.DECLINED,
    Outcome.OUT_OF_STOCK,
    Outcome.PROVIDER_SILENT,
    Outcome.LATE_SUCCESS,
)
COURSES: Final = {
    Outcome.SUCCESS: "Of a checkout that completes",
    Outcome.DECLINED: "Of one whose card is declined",
    Outcome.OUT_OF_STOCK: "Of one that finds no goods",
    Outcome.PROVIDER_SILENT: "Of one whose provider never answers",
    Outcome.LATE_SUCCESS: "Of one whose provider answers too late",
}


@dataclass(frozen=True, slots=True)
class Surgery:
    """The choices of the form. The delays are in seconds."""

    operations: tuple[tuple[str, str], ...]
    courses: tuple[tuple[str, tuple[Choice, ...]], ...]
    shortest: float
    longest: float


def outcome_of(choice: Choice) -> Outcome:
    """Return the outcome of the checkout in which this message is edited."""
    return next(outcome for outcome in PREFERRED if outcome in choice.outcomes)


def offered() -> Surgery:
    """Return the form's choices, with the messages grouped by the checkout's outcome."""
    grouped = (
        (words, tuple(choice for choice in CHOICES if outcome_of(choice) is outcome))
        for outcome, words in COURSES.items()
    )
    return Surgery(
        operations=tuple((str(operation), words) for operation, words in OPERATIONS.items()),
        courses=tuple((words, choices) for words, choices in grouped if choices),
        shortest=SHORTEST_DELAY,
        longest=LONGEST_DELAY,
    )
