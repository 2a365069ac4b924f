"""Commands by which a service sends one of its dead letters again.

Their sender needs no right to the database. Each service that has an inbox handles one command,
`<service>.replay_dead_letter.v1`. The command line does the same directly
(`cluster/operations/dead_letters.py`), as the operator. A dead letter goes to the queue of its
service again; one that came by another way than a queue is done again as its service says (`Ways`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from cluster.messaging.contract import Kind, Payload, of_each
from cluster.messaging.dead_letters import file_dead_letter, inapplicable
from cluster.messaging.envelope import Message, new_message_id
from cluster.messaging.system_events import DeadLetterReplayed, ReplayRefused, own
from cluster.messaging.work import Failure, Handler, UnitOfWork, classify
from config.environment import SERVICES

# By the way on which a dead letter came, what does its body again. Raises as a handler does.
Ways = Mapping[str, Callable[[UnitOfWork, bytes], None]]


class ReplayDeadLetter(Payload, frozen=True):
    """Send a dead letter again.

    `replays` is the number of replays that it had when the sender asked for this one.
    """

    letter: int
    replays: int


# An aggregate for each service: the site sends it to that service alone, and the checkers expect
# every consumer of an aggregate to have applied all its messages.
_commands: Final = of_each(
    ReplayDeadLetter, Kind.COMMAND, "replay_dead_letter", owners=SERVICES, aggregate="{}_letter"
)

# The dead letter is marked and written to the outbox in one statement. It goes straight to the
# queue of its own service, so that no other service receives it twice. One that its own service
# could not publish goes to every consumer, since none has received it yet. A row of the outbox
# needs an id: one without it gets a new one.
SEND_AGAIN: Final = """
    WITH letter AS (
        UPDATE dead_letter SET replayed_at = %(now)s, replays = replays + 1
         WHERE id = %(letter)s AND replays = %(replays)s
        RETURNING message_id, type, subject, sequence, body,
                  CASE WHEN reason = 'unpublishable' THEN '' ELSE %(queue)s END AS destination
    )
    INSERT INTO outbox (message_id, destination, routing_key, subject, sequence, body, created_at)
    SELECT coalesce(message_id, %(new_id)s), destination, type, subject, coalesce(sequence, 0),
           body, %(now)s
      FROM letter
    RETURNING routing_key, subject
"""

# A dead letter that came by no queue is marked, and done again here.
TAKE: Final = """
    UPDATE dead_letter SET replayed_at = %(now)s, replays = replays + 1
     WHERE id = %(letter)s AND replays = %(replays)s AND type = ANY (%(ways)s) AND source = ''
    RETURNING type, body
"""

# The same for all dead letters that one constraint caused, for a caller that can pass no
# parameters.
SEND_REFUSED_AGAIN: Final = """
    WITH letter AS (
        UPDATE dead_letter SET replayed_at = now(), replays = replays + 1
         WHERE replayed_at IS NULL AND reason = 'permanent'
           AND strpos(detail, 'constraint "{constraint}"') > 0
        RETURNING id, message_id, type, subject, sequence, body
    ), sent AS (
        INSERT INTO outbox
            (message_id, destination, routing_key, subject, sequence, body, created_at)
        SELECT message_id, '{queue}', type, subject, sequence, body, now() FROM letter ORDER BY id
        RETURNING 1
    )
    SELECT pg_notify('outbox', ''), count(*) FROM sent
"""


def replay_commands() -> Sequence[type[Payload]]:
    """Return the commands of all services."""
    return tuple(_commands.values())


def replay_command(service: str, *, letter: int, replays: int) -> Payload:
    """Return the command that `service` send its dead letter of this number again."""
    return _commands[service](letter=letter, replays=replays)


def replay_handlers(service: str, ways: Ways) -> Mapping[type[Payload], Handler]:
    """Return the handler of a service's own command, or nothing for one without an inbox."""
    return {_commands[service]: partial(_carry_out, ways)} if service in _commands else {}


def _carry_out(ways: Ways, work: UnitOfWork, messages: Sequence[Message[Any]], /) -> None:
    """Send each dead letter to the service again, and announce the result.

    One by one: a person has pressed a button for each of them.
    """
    for message in messages:
        wish = message.payload
        sent = send_again(
            work,
            letter=wish.letter,
            replays=wish.replays,
            queue=f"{work.source}.inbox",
            ways=ways,
        )
        if sent is None:
            reason = "it is not there any more, or was sent again meanwhile"
            work.reply(message, own(work, ReplayRefused(letter=wish.letter, reason=reason)))
        else:
            type_, subject = sent
            told = DeadLetterReplayed(letter=wish.letter, type=type_, subject=subject)
            work.reply(message, own(work, told))


def send_again(
    work: UnitOfWork, *, letter: int, replays: int, queue: str, ways: Ways
) -> tuple[str, str] | None:
    """Mark the dead letter, send it to `queue` by the outbox, and return its type and subject.

    One that came by one of these `ways` is done again at once; failing so, it is a new dead letter.

    Return None when there is no such dead letter, or when it was replayed more often than `replays`
    times, which the sender of the command has not seen.
    """
    if not 0 < letter < 1 << 63:  # beyond bigint there is none, and the query would fail
        return None
    wish = {"letter": letter, "replays": replays, "now": work.now}
    if taken := work.cursor.execute(TAKE, {**wish, "ways": list(ways)}).fetchone():
        _do_again(work, ways, *taken)
        return taken[0], ""
    work.cursor.execute(SEND_AGAIN, {**wish, "queue": queue, "new_id": new_message_id()})
    return work.cursor.fetchone()


def _do_again(work: UnitOfWork, ways: Ways, way: str, body: bytes) -> None:
    announced = len(work.outgoing)
    try:
        with work.connection.transaction():
            ways[way](work, body)
    except Exception as error:
        if classify(error) is Failure.TRANSIENT:
            raise
        del work.outgoing[announced:]
        file_dead_letter(work, replace(inapplicable(body, error), way=way))
