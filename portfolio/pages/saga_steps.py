"""A checkout's steps as a short table: the command, its duration, and its compensation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cluster.checkout.definition import CHECKOUT
from cluster.messaging.contract import Payload
from cluster.sagas.definition import Step
from cluster.storefront.events import CODES, StreamEvent

TURNED: Final = "checkout.checkout_turned.v1"


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step. Durations are in seconds.

    `took` is None without an answer, and `undone` is empty without a compensation. `verb` and
    `mark` are the step's state, as the event table shows it.
    """

    code: str
    name: str
    deadline: float
    took: float | None
    verb: str
    mark: str
    undone: str
    failed: bool


def step_rows(events: Iterable[StreamEvent]) -> list[StepRow]:
    """Return the steps that were begun, in the order of the saga, none for another saga."""
    first: dict[str, StreamEvent] = {}
    for event in sorted(events, key=lambda one: one.seq):
        first.setdefault(event.type, event)
    return list(_rows(first))


def _rows(first: dict[str, StreamEvent]) -> Iterator[StepRow]:
    for step in CHECKOUT.steps:
        asked = first.get(step.command.message_type.name)
        if asked is None:
            return
        answer = _first_of(first, (step.success, *step.refusals))
        undone = _first_of(first, step.compensation.replies)
        verb, mark = _standing(answer, turned=TURNED in first)
        yield StepRow(
            code=CODES[step.command.message_type.name.split(".")[0]],
            name=_words(step),
            deadline=step.deadline.total_seconds(),
            took=None if answer is None else _seconds_between(asked, answer),
            verb=verb,
            mark=mark,
            undone=undone.verb if undone else "",
            failed=mark in ("failed", "unknown"),
        )


def _standing(answer: StreamEvent | None, *, turned: bool) -> tuple[str, str]:
    if answer is not None:
        return str(answer.verb), str(answer.mark)
    return ("not answered in time", "unknown") if turned else ("asked", "in-flight")


def _first_of(first: dict[str, StreamEvent], types: Sequence[type[Payload]]) -> StreamEvent | None:
    names = (declared.message_type.name for declared in types)
    return next((first[name] for name in names if name in first), None)


def _words(step: Step[Any]) -> str:
    return step.name.replace("_", " ")


def _seconds_between(asked: StreamEvent, answer: StreamEvent) -> float:
    began, ended = (datetime.fromisoformat(one.time) for one in (asked, answer))
    return max(0.0, (ended - began).total_seconds())
