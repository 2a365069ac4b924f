"""Message types: the contract that a service publishes.

A message type has a name (`catalog.stock_reserved.v1`), an owner (the first word), a kind, the
aggregate it is about, and one frozen typed schema. The registry is filled at import, so two types
of one name cannot be loaded.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, TypeVar, cast

import msgspec

_NAME: Final = re.compile(r"^(?P<owner>[a-z]+)\.(?P<verb>[a-z_]+)\.v(?P<version>\d+)$")


class Kind(enum.StrEnum):
    """The kind of a message: a request to its owner, or a fact that its owner publishes."""

    COMMAND = "command"  # imperative, handled by its owner alone
    EVENT = "event"  # past tense, published by its owner, consumed by any service


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data of one message. Subclasses are declared with `command` or `event`."""

    message_type: ClassVar[MessageType]


@dataclass(frozen=True, slots=True)
class MessageType:
    """One registered type, whose `name` is also its routing key on the exchange."""

    name: str
    owner: str
    kind: Kind
    aggregate: str
    schema: type[Payload]


class ContractError(ValueError):
    """A message type is declared wrongly, so the process must not start."""


class UnknownMessageType(LookupError):
    """No contract declares a message of this type."""


_registry: dict[str, MessageType] = {}
REGISTRY: Final[Mapping[str, MessageType]] = MappingProxyType(_registry)

P = TypeVar("P", bound=Payload)


def command(name: str, *, aggregate: str) -> Callable[[type[P]], type[P]]:
    """Declare a command, whose owner is the service that carries it out."""
    return _declare(name, Kind.COMMAND, aggregate)


def event(name: str, *, aggregate: str) -> Callable[[type[P]], type[P]]:
    """Declare an event, whose owner is the service that publishes it."""
    return _declare(name, Kind.EVENT, aggregate)


def of_each(
    schema: type[P], kind: Kind, verb: str, *, owners: Iterable[str], aggregate: str
) -> dict[str, type[P]]:
    """Declare a type with this schema for each owner, since a type has one owner.

    `{}` in `aggregate` stands for the owner.
    """
    return {
        owner: _declare(f"{owner}.{verb}.v1", kind, aggregate.format(owner))(
            cast(
                type[P],
                msgspec.defstruct(
                    f"{owner.capitalize()}{schema.__name__}",
                    [],
                    bases=(schema,),
                    namespace={"__doc__": schema.__doc__},
                    frozen=True,
                ),
            )
        )
        for owner in owners
    }


def message_type(name: str) -> MessageType:
    """Return the registered type of this name.

    Raises UnknownMessageType.
    """
    try:
        return _registry[name]
    except KeyError:
        raise UnknownMessageType(f"no contract declares the message type {name!r}") from None


def _declare(name: str, kind: Kind, aggregate: str) -> Callable[[type[P]], type[P]]:
    match = _NAME.match(name)
    if match is None:
        raise ContractError(f"{name!r} is not of the form owner.verb_phrase.v1")
    if name in _registry:
        raise ContractError(f"the message type {name!r} is declared twice")

    def register(schema: type[P]) -> type[P]:
        declared = MessageType(name, match["owner"], kind, aggregate, schema)
        schema.message_type = declared
        _registry[name] = declared
        return schema

    return register
