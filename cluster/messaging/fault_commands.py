"""Commands that inject a fault into one message of their own correlation.

The site needs no new right for it. Each service that has an inbox handles
`<service>.disturb_messages.v1`. Its handler notifies the service's own relay (`fault_injection.py`)
and answers. Both happen when the transaction commits. A command can name only messages of its own
correlation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from cluster.messaging.contract import Kind, Payload, of_each
from cluster.messaging.envelope import Message
from cluster.messaging.fault_injection import (
    LONGEST,
    NOTIFY,
    FaultRule,
    Operation,
    encode_rule,
)
from cluster.messaging.system_events import MessagesDisturbed, own
from cluster.messaging.work import Handler, UnitOfWork
from config.environment import SERVICES

LONGEST_HOLD: Final = 15.0  # seconds; beyond a saga's deadlines, so that compensation overtakes


class DisturbMessages(Payload, frozen=True):
    """Do `operation` to the next message of type `message` that this service sends here.

    `seconds` is how long it may be held back. The corrupted copy of a poisoned message goes to the
    queue of `receiver` alone.
    """

    operation: Operation
    message: str
    receiver: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(SERVICES)})$")]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_HOLD)] = 0.0


# An aggregate for each service, as for replays: no other service is to consume it.
_commands: Final = of_each(
    DisturbMessages, Kind.COMMAND, "disturb_messages", owners=SERVICES, aggregate="{}_surgery"
)


def fault_commands() -> Sequence[type[Payload]]:
    """Return the commands of all services."""
    return tuple(_commands.values())


def fault_command(
    service: str, *, operation: Operation, message: str, receiver: str, seconds: float
) -> Payload:
    """Return the command that makes the relay of `service` apply a fault to one message.

    That message belongs to the correlation under which the command is sent.
    """
    return _commands[service](
        operation=operation, message=message, receiver=receiver, seconds=seconds
    )


def fault_handlers(service: str) -> Mapping[type[Payload], Handler]:
    """Return the handler of a service's own command, or nothing for one without an inbox."""
    return {_commands[service]: disturb_messages} if service in _commands else {}


def disturb_messages(work: UnitOfWork, messages: Sequence[Message[Any]], /) -> None:
    """Notify the relay, and answer that the relay was notified."""
    for message in messages:
        wanted = message.payload
        rule = FaultRule(
            id=str(message.id),
            operation=wanted.operation,
            correlation=str(message.correlation),
            type=wanted.message,
            seconds=wanted.seconds,
            until=work.now.timestamp() + LONGEST,
            limit=1,
            queue=f"{wanted.receiver}.inbox",
        )
        work.cursor.execute(NOTIFY, (encode_rule(rule),))
        told = MessagesDisturbed(operation=wanted.operation, message=wanted.message)
        work.reply(message, own(work, told))
