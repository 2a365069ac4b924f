"""Disturbing one message of one correlation, asked for by a message: the site gets no new right.

Each service that has an inbox understands `<service>.disturb_messages.v1`. Its handler tells the
service's own relay (`disturbance.py`) and answers; both happen when the transaction commits.
Only messages of the command's own correlation can be meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, cast

import msgspec

from cluster.messaging.contract import Payload, command
from cluster.messaging.disturbance import (
    LONGEST,
    NOTIFY,
    Disturbance,
    Operation,
    encode_wish,
)
from cluster.messaging.envelope import Message
from cluster.messaging.notices import messages_disturbed
from cluster.messaging.work import Handler, UnitOfWork
from config.environment import SERVICES

LONGEST_HOLD: Final = 15.0  # seconds; beyond a saga's deadlines, so that compensation overtakes


class DisturbMessages(Payload, frozen=True):
    """Do `operation` to the next message of type `message` that this service sends here.

    `seconds` is how long it may be held back; the corrupted copy of a poisoned message goes
    to the queue of `receiver` alone.
    """

    operation: Operation
    message: str
    receiver: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(SERVICES)})$")]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_HOLD)] = 0.0


def _declare(service: str) -> type[Payload]:
    owned = msgspec.defstruct(
        f"{service.capitalize()}{DisturbMessages.__name__}",
        [],
        bases=(DisturbMessages,),
        namespace={"__doc__": DisturbMessages.__doc__},
        frozen=True,
    )
    # An aggregate for each service, as for replays: nobody else is to hear of it.
    return command(f"{service}.disturb_messages.v1", aggregate=f"{service}_surgery")(
        cast(type[Payload], owned)
    )


_commands: Final = {service: _declare(service) for service in SERVICES}


def disturb_command(
    service: str, *, operation: Operation, message: str, receiver: str, seconds: float
) -> Payload:
    """The wish that the relay of `service` disturb one message of the correlation it is sent in."""
    return _commands[service](
        operation=operation, message=message, receiver=receiver, seconds=seconds
    )


def surgery_handlers(service: str) -> Mapping[type[Payload], Handler]:
    """The handler of a service's own command; nothing for one without an inbox."""
    return {_commands[service]: disturb_messages} if service in _commands else {}


def disturb_messages(work: UnitOfWork, messages: Sequence[Message[Any]], /) -> None:
    """Tell the relay, and say that it has been told."""
    for message in messages:
        wish = message.payload
        disturbance = Disturbance(
            id=str(message.id),
            operation=wish.operation,
            correlation=str(message.correlation),
            type=wish.message,
            seconds=wish.seconds,
            until=work.now.timestamp() + LONGEST,
            limit=1,
            queue=f"{wish.receiver}.inbox",
        )
        work.cursor.execute(NOTIFY, (encode_wish(disturbance),))
        work.reply(
            message,
            messages_disturbed(work.source, operation=wish.operation, message=wish.message),
        )
