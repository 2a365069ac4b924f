"""The saga engine: decides the next step of a saga without any I/O.

Each function takes the state and an event, and returns a Transition: the new state, and the
messages to send with it. A saga goes forward one step at a time. After a refusal or a missed
deadline it compensates one step at a time, and awaits each.

A success that comes after its deadline is never ignored. The step is recorded as `late` and its
compensation is sent, or has been sent already: command and compensation are about one aggregate, so
the participant receives them in that order.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Final, Generic
from uuid import UUID

import msgspec
from msgspec.structs import replace

from cluster.messaging.contract import Kind, Payload
from cluster.sagas.definition import C, Role, Saga
from config.waiting import back_off

# Sending again costs a message, waiting costs the visitor's patience: never wait longer.
LONGEST_WAIT: Final = timedelta(seconds=30)


class Phase(enum.StrEnum):
    """The direction in which a saga goes, or its end."""

    RUNNING = "running"  # forward
    COMPENSATING = "compensating"  # backward
    COMPLETED = "completed"  # every step was done
    COMPENSATED = "compensated"  # no step has an effect any more


class Outcome(enum.StrEnum):
    """The result of a step's command."""

    PLANNED = "planned"  # not sent
    WAITING = "waiting"  # sent, no reply yet
    DONE = "done"  # succeeded in time
    REFUSED = "refused"  # refused: nothing to compensate
    MISSED = "missed"  # no reply in time: it may have succeeded
    LATE = "late"  # succeeded, but after its deadline


class Undo(enum.StrEnum):
    """The result of a step's compensation."""

    NONE = "none"  # not sent
    WAITING = "waiting"  # sent, no reply yet
    DONE = "done"  # the step has no effect any more


# A step with one of these outcomes may have an effect.
# The beginning of the reason of a saga that has missed a deadline.
NO_ANSWER: Final = "no answer within"
_MAY_STAND: Final = frozenset({Outcome.DONE, Outcome.MISSED, Outcome.LATE})


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A reply that decided nothing, and the time at which it came."""

    type: str
    at: datetime


class StepRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The history of one step, in which `undo_sends` counts the sends of its compensation."""

    name: str
    outcome: Outcome = Outcome.PLANNED
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    undo: Undo = Undo.NONE
    undo_asked_at: datetime | None = None
    undone_at: datetime | None = None
    undo_sends: int = 0
    notes: tuple[Note, ...] = ()


class SagaState(msgspec.Struct, Generic[C], frozen=True):
    """One saga, which waits for the step with the index `position` until `deadline`.

    `version` counts the events it announced, `messages_sent` these and its commands.
    """

    id: UUID
    definition: str
    phase: Phase
    position: int
    steps: tuple[StepRecord, ...]
    context: C
    started_at: datetime
    updated_at: datetime
    reason: str = ""
    failed_step: str = ""
    deadline: datetime | None = None
    ended_at: datetime | None = None
    messages_sent: int = 0
    version: int = 0


class Transition(msgspec.Struct, Generic[C], frozen=True):
    """A new state and the commands and events to send with it, in this order."""

    state: SagaState[C]
    messages: tuple[Payload, ...] = ()


def start(definition: Saga[C], saga_id: UUID, context: C, now: datetime) -> Transition[C]:
    """Return a new saga that has sent its first command."""
    state = SagaState(
        id=saga_id,
        definition=definition.name,
        phase=Phase.RUNNING,
        position=0,
        steps=tuple(StepRecord(step.name) for step in definition.steps),
        context=context,
        started_at=now,
        updated_at=now,
    )
    return _sent(_ask(definition, state, 0, now))


def on_reply(
    definition: Saga[C], state: SagaState[C], payload: Payload, now: datetime
) -> Transition[C]:
    """Return the change that a reply processed at `now` makes.

    A duplicate or an unknown reply changes nothing.
    """
    meaning = definition.meanings.get(type(payload))
    if meaning is None or state.steps[meaning.step].outcome is Outcome.PLANNED:
        return Transition(state)
    match meaning.role:
        case Role.SUCCESS:
            transition = _on_success(definition, state, meaning.step, payload, now)
        case Role.REFUSAL:
            transition = _on_refusal(definition, state, meaning.step, payload, now)
        case Role.UNDONE:
            transition = _on_undone(definition, state, meaning.step, payload, now)
        case Role.REMARK:
            transition = Transition(_noted(state, meaning.step, payload, now))
    return _sent(transition)


def on_deadline(definition: Saga[C], state: SagaState[C], now: datetime) -> Transition[C]:
    """Return the change that is due at `now`, which is none before the state's deadline is over."""
    if state.deadline is None or now < state.deadline:
        return Transition(state)
    if state.phase is Phase.COMPENSATING:
        return _sent(_ask_undo(definition, state, state.position, now))
    missed = _with_step(state, state.position, now, outcome=Outcome.MISSED)
    return _sent(_turn(definition, missed, state.position, _missed(definition, state), now))


def _on_success(
    definition: Saga[C], state: SagaState[C], index: int, payload: Payload, now: datetime
) -> Transition[C]:
    match state.steps[index].outcome:
        case Outcome.WAITING if state.deadline is not None and now > state.deadline:
            late = _with_step(state, index, now, outcome=Outcome.LATE, answered_at=now)
            return _turn(definition, late, index, _missed(definition, state), now)
        case Outcome.WAITING:
            done = _with_step(state, index, now, outcome=Outcome.DONE, answered_at=now)
            return _ask(definition, done, index + 1, now)
        case Outcome.MISSED:
            # Its compensation was sent behind its command, or has been answered already.
            late = _with_step(state, index, now, outcome=Outcome.LATE, answered_at=now)
            return Transition(late)
        case Outcome.REFUSED:
            # A participant that succeeds after a refusal breaks its contract, so record it.
            return Transition(_noted(state, index, payload, now))
        case _:
            return Transition(state)


def _on_refusal(
    definition: Saga[C], state: SagaState[C], index: int, payload: Payload, now: datetime
) -> Transition[C]:
    outcome = state.steps[index].outcome
    if outcome in (Outcome.DONE, Outcome.LATE):
        return Transition(_noted(state, index, payload, now))
    if outcome is Outcome.REFUSED:
        return Transition(state)
    refused = _with_step(state, index, now, outcome=Outcome.REFUSED, answered_at=now)
    if state.phase is Phase.RUNNING:
        return _turn(definition, refused, index, _reason(payload), now)
    if state.phase is Phase.COMPENSATING and index == state.position:
        # Nothing to compensate after all: a participant may never answer its compensation.
        return _back(definition, refused, index - 1, now)
    return Transition(refused)


def _on_undone(
    definition: Saga[C], state: SagaState[C], index: int, payload: Payload, now: datetime
) -> Transition[C]:
    record = state.steps[index]
    if record.undo is Undo.DONE:
        return Transition(state)
    if state.phase is Phase.COMPLETED:
        return Transition(_noted(state, index, payload, now))
    undone = _with_step(state, index, now, undo=Undo.DONE, undone_at=now)
    if state.phase is Phase.RUNNING:
        # The participant undid it unasked. The step that waits may have succeeded meanwhile.
        if undone.steps[state.position].outcome is Outcome.WAITING:
            undone = _with_step(undone, state.position, now, outcome=Outcome.MISSED)
        return _turn(definition, undone, state.position, _reason(payload), now, failed=index)
    if state.phase is Phase.COMPENSATING and index == state.position:
        return _back(definition, undone, index - 1, now)
    return Transition(undone)


def _ask(definition: Saga[C], state: SagaState[C], index: int, now: datetime) -> Transition[C]:
    """Send the command of the step at `index`, or complete the saga after the last one."""
    if index == len(definition.steps):
        ended = replace(state, phase=Phase.COMPLETED, deadline=None, ended_at=now, updated_at=now)
        return Transition(ended, (definition.announcements.completed(state.context),))
    step = definition.steps[index]
    asked = _with_step(state, index, now, outcome=Outcome.WAITING, asked_at=now)
    waiting = replace(asked, position=index, deadline=now + step.deadline)
    return Transition(waiting, (step.build(state.context),))


def _turn(
    definition: Saga[C],
    state: SagaState[C],
    index: int,
    reason: str,
    now: datetime,
    *,
    failed: int | None = None,
) -> Transition[C]:
    """Begin to compensate at the step `index`, since the step `failed` did (default `index`)."""
    step = definition.steps[index if failed is None else failed].name
    turned = replace(state, phase=Phase.COMPENSATING, reason=reason, failed_step=step)
    announcement = definition.announcements.turned(state.context, step, reason)
    back = _back(definition, turned, index, now)
    return Transition(back.state, (announcement, *back.messages))


def _back(definition: Saga[C], state: SagaState[C], index: int, now: datetime) -> Transition[C]:
    """Compensate the last step from `index` down that may have an effect, or end the saga."""
    for candidate in range(index, -1, -1):
        record = state.steps[candidate]
        if record.outcome in _MAY_STAND and record.undo is Undo.NONE:
            return _ask_undo(definition, state, candidate, now)
    ended = replace(state, phase=Phase.COMPENSATED, deadline=None, ended_at=now, updated_at=now)
    announcement = definition.announcements.compensated(
        state.context, state.failed_step, state.reason
    )
    return Transition(ended, (announcement,))


def _ask_undo(definition: Saga[C], state: SagaState[C], index: int, now: datetime) -> Transition[C]:
    """Send the compensation of the step at `index`, for the first time or once more."""
    compensation = definition.steps[index].compensation
    sends = state.steps[index].undo_sends + 1
    asked = _with_step(
        state,
        index,
        now,
        undo=Undo.WAITING,
        undo_asked_at=state.steps[index].undo_asked_at or now,
        undo_sends=sends,
    )
    wait = back_off(sends, first=compensation.deadline, longest=LONGEST_WAIT)
    waiting = replace(asked, position=index, deadline=now + wait)
    return Transition(waiting, (compensation.build(state.context, state.reason),))


def _with_step(state: SagaState[C], index: int, now: datetime, **changes: object) -> SagaState[C]:
    record = replace(state.steps[index], **changes)
    steps = (*state.steps[:index], record, *state.steps[index + 1 :])
    return replace(state, steps=steps, updated_at=now)


def _noted(state: SagaState[C], index: int, payload: Payload, now: datetime) -> SagaState[C]:
    """Record a reply that decides nothing, once."""
    notes = state.steps[index].notes
    name = payload.message_type.name
    if any(note.type == name for note in notes):
        return state
    return _with_step(state, index, now, notes=(*notes, Note(name, now)))


def _sent(transition: Transition[C]) -> Transition[C]:
    """Count the messages of a transition in its state."""
    messages = transition.messages
    if not messages:
        return transition
    events = sum(payload.message_type.kind is Kind.EVENT for payload in messages)
    counted = replace(
        transition.state,
        messages_sent=transition.state.messages_sent + len(messages),
        version=transition.state.version + events,
    )
    return Transition(counted, messages)


def _missed(definition: Saga[C], state: SagaState[C]) -> str:
    limit = definition.steps[state.position].deadline.total_seconds()
    return f"{NO_ANSWER} {limit:g} s"


def _reason(payload: Payload) -> str:
    """Return the reason that a reply gives, or else its name in words: `reservation expired`."""
    stated = getattr(payload, "reason", "")
    return stated or payload.message_type.name.split(".")[1].replace("_", " ")
