"""The handlers of checkout: messages and missed deadlines advance sagas, a batch at a time.

All decisions are the engine's. Here sagas are loaded and stored, and the messages of their
transitions passed to the unit of work, all in its one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from psycopg.types.json import Jsonb

from cluster.checkout.contract import CheckoutVisitorErased, StartCheckout
from cluster.checkout.definition import CHECKOUT, CheckoutContext
from cluster.identity.contract import ERASED_CARD, ErasureRequested
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.messaging.work import Handler, UnitOfWork
from cluster.sagas import engine, repository
from cluster.sagas.backlog import Backlog
from cluster.sagas.engine import Outcome, SagaState, Transition

logger = logging.getLogger(__name__)

# Of this process, whose one thread both handles messages and sweeps.
_backlog: Final = Backlog()

# Locked in the order of their ids, like everywhere. Ended sagas have no deadline.
FORGET: Final = """
    WITH ended AS (
        SELECT id FROM saga
         WHERE id = ANY(%(checkouts)s) AND deadline IS NULL AND NOT context @> %(nobody)s
         ORDER BY id FOR UPDATE
    )
    UPDATE saga SET context = context || %(nobody)s FROM ended WHERE saga.id = ended.id
"""
# A saga of the visitor that identity does not know of yet counts as in flight too.
STANDING: Final = """
    SELECT (SELECT count(*) FROM saga WHERE id = ANY(%(checkouts)s)),
           EXISTS (SELECT FROM saga
                    WHERE deadline IS NOT NULL AND definition = %(definition)s
                      AND (id = ANY(%(checkouts)s) OR context->>'visitor' = %(visitor)s))
"""


def start_checkouts(work: UnitOfWork, messages: Sequence[Message[StartCheckout]], /) -> None:
    """Begin a saga for each message whose id is new."""
    begun = [
        (message, engine.start(CHECKOUT, message.subject_id, _context(message), work.now))
        for message in messages
    ]
    new = repository.insert_sagas(work.cursor, sagas=[transition.state for _, transition in begun])
    for message, transition in begun:
        if transition.state.id in new:
            _send(work, transition, message)


def advance_checkouts(work: UnitOfWork, messages: Sequence[Message[Payload]], /) -> None:
    """Apply each reply to its saga.

    A reply for no saga is ignored: others than checkouts may hold, reserve and pay as well.
    """
    _make_up_for_pause(work)
    by_saga = {message.subject_id: message for message in messages}
    changed = []
    for saga in repository.load_sagas(work.cursor, definition=CHECKOUT, ids=by_saga):
        message = by_saga[saga.id]
        transition = engine.on_reply(CHECKOUT, saga, message.payload, work.now)
        if transition.state is not saga:
            _note_answer(saga, message.payload, work.now)
            changed.append(transition.state)
            _send(work, transition, message)
    if changed:
        repository.update_sagas(work.cursor, sagas=changed)


def sweep_deadlines(work: UnitOfWork) -> None:
    """Advance the checkouts whose deadline is over, unless their command was not served yet."""
    _make_up_for_pause(work)
    for index, step in enumerate(CHECKOUT.steps):
        waiting = _backlog.waiting(index, deadline=step.deadline, now=work.now)
        if waiting:
            repository.extend_deadlines(
                work.cursor, definition=CHECKOUT, by=step.deadline / 2, backlog=waiting
            )
    changed = []
    for saga in repository.load_due_sagas(work.cursor, definition=CHECKOUT, now=work.now):
        transition = engine.on_deadline(CHECKOUT, saga, work.now)
        changed.append(transition.state)
        _send(work, transition, None)
    if changed:
        repository.update_sagas(work.cursor, sagas=changed)


# One handler for the command, and one for every reply that the definition gives a meaning.
HANDLERS: Final[Mapping[type[Payload], Handler]] = MappingProxyType(
    {StartCheckout: start_checkouts, **dict.fromkeys(CHECKOUT.meanings, advance_checkouts)}
)


def _note_answer(saga: SagaState[Any], reply: Payload, now: datetime) -> None:
    """Record how long the command behind this reply had waited."""
    meaning = CHECKOUT.meanings[type(reply)]
    record = saga.steps[meaning.step]
    if record.outcome is Outcome.WAITING and record.asked_at:
        _backlog.answered(meaning.step, asked_at=record.asked_at, at=now)


def _make_up_for_pause(work: UnitOfWork) -> None:
    """Extend all deadlines by the time in which this process did not run, or received nothing."""
    paused = _backlog.ran(work.now)
    if paused:
        extended = repository.extend_deadlines(work.cursor, definition=CHECKOUT, by=paused)
        logger.info("paused for %.1f s: %d deadlines moved", paused.total_seconds(), extended)


def _context(message: Message[StartCheckout]) -> CheckoutContext:
    asked = message.payload
    return CheckoutContext(
        visitor=asked.visitor,
        sku=asked.sku,
        quantity=asked.quantity,
        amount=asked.amount,
        card=asked.card,
        traceparent=message.envelope.traceparent,
    )


def _send(work: UnitOfWork, transition: Transition[Any], cause: Message[Any] | None) -> None:
    saga = transition.state.id
    for payload in transition.messages:
        work.send(
            payload,
            subject_id=saga,
            correlation=saga,
            cause=cause,
            # The messages after a missed deadline belong to the trace that began the saga.
            trace=transition.state.context.traceparent,
        )


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Write the pseudonym in the contexts, and answer unless a saga of the visitor is in flight.

    The steps of such a saga still need the card, and its messages name the visitor.
    """
    for message in messages:
        asked = message.payload
        names = {
            "checkouts": list(asked.checkouts),
            "visitor": asked.visitor,
            "definition": CHECKOUT.name,
            "nobody": Jsonb({"visitor": asked.pseudonym, "card": ERASED_CARD}),
        }
        work.cursor.execute(FORGET, names)
        rows, under_way = work.cursor.execute(STANDING, names).fetchone() or (0, False)
        if not under_way:
            work.reply(message, CheckoutVisitorErased(attempt=asked.attempt, rows=rows))
