"""The definition of a saga: frozen data, checked when the module that declares it is imported.

A saga is a list of steps. Each names its command, its replies, its deadline and its compensation.
While one is missing, `Saga` raises DefinitionError. Builders turn the saga's context into payloads,
so a definition reads as a table.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

from cluster.messaging.contract import Kind, Payload

C = TypeVar("C")


class DefinitionError(ValueError):
    """A saga is declared wrongly, so the process must not start."""


class Role(enum.Enum):
    """The meaning of a reply for the step it belongs to."""

    SUCCESS = enum.auto()  # the step's command was carried out
    REFUSAL = enum.auto()  # it was not, and it has left no effect
    UNDONE = enum.auto()  # the step has no effect any more
    REMARK = enum.auto()  # recorded, and decides nothing


class Meaning(NamedTuple):
    """The meaning of a reply type in a saga: the index of its step, and its role there."""

    step: int
    role: Role


@dataclass(frozen=True, slots=True)
class Compensation(Generic[C]):
    """The compensation of a step, sent again after `deadline` (doubling, with a cap).

    Its command is idempotent. `build` gets the context and the reason for compensating. Any of
    `replies` means that the step has no effect any more, asked for or not (a reservation expires).
    """

    command: type[Payload]
    build: Callable[[C, str], Payload]
    replies: tuple[type[Payload], ...]
    deadline: timedelta


@dataclass(frozen=True, slots=True)
class Step(Generic[C]):
    """One forward step: the command it sends, and the replies that may come within `deadline`.

    `refusals` promise that the command has left no effect. `remarks` are recorded and decide
    nothing.
    """

    name: str
    command: type[Payload]
    build: Callable[[C], Payload]
    success: type[Payload]
    refusals: tuple[type[Payload], ...]
    deadline: timedelta
    compensation: Compensation[C]
    remarks: tuple[type[Payload], ...] = ()

    def replies(self) -> Iterator[tuple[type[Payload], Role]]:
        """Yield every reply type of this step with its role."""
        yield self.success, Role.SUCCESS
        yield from ((reply, Role.REFUSAL) for reply in self.refusals)
        yield from ((reply, Role.UNDONE) for reply in self.compensation.replies)
        yield from ((reply, Role.REMARK) for reply in self.remarks)


@dataclass(frozen=True, slots=True)
class Announcements(Generic[C]):
    """The events that announce a saga's progress, whose string arguments are step and reason."""

    turned: Callable[[C, str, str], Payload]
    completed: Callable[[C], Payload]
    compensated: Callable[[C, str, str], Payload]


@dataclass(frozen=True, eq=False)
class Saga(Generic[C]):
    """A saga's name, the type of its context (stored as JSON), its steps and announcements."""

    name: str
    context: type[C]
    steps: tuple[Step[C], ...]
    announcements: Announcements[C]
    meanings: dict[type[Payload], Meaning] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.name or not self.steps:
            raise DefinitionError("a saga has a name and at least one step")
        commands: set[type[Payload]] = set()
        names: set[str] = set()
        meanings: dict[type[Payload], Meaning] = {}
        for index, step in enumerate(self.steps):
            _check_step(self.name, step)
            if step.name in names:
                raise DefinitionError(f"{self.name}: two steps are named {step.name}")
            names.add(step.name)
            for asked in (step.command, step.compensation.command):
                if asked in commands:
                    raise DefinitionError(f"{self.name}: {_name(asked)} is sent by two steps")
                commands.add(asked)
            for reply, role in step.replies():
                if reply in meanings:
                    raise DefinitionError(f"{self.name}: {_name(reply)} has two meanings")
                meanings[reply] = Meaning(index, role)
        object.__setattr__(self, "meanings", meanings)

    @property
    def longest_run(self) -> timedelta:
        """The longest time from start to completion, while no backlog extends a deadline."""
        return sum((step.deadline for step in self.steps), timedelta())


def _check_step(saga: str, step: Step[C]) -> None:
    place = f"{saga}.{step.name or '(no name)'}"
    undo = step.compensation
    if not step.name:
        raise DefinitionError(f"{saga}: a step has no name")
    if not isinstance(undo, Compensation):
        raise DefinitionError(f"{place} has no compensation")
    if not undo.replies:
        raise DefinitionError(f"{place}: its compensation has no reply to wait for")
    for limit in (step.deadline, undo.deadline):
        if not isinstance(limit, timedelta) or limit <= timedelta():
            raise DefinitionError(f"{place}: a deadline is not a positive time: {limit!r}")
    for build in (step.build, undo.build):
        if not callable(build):
            raise DefinitionError(f"{place}: {build!r} builds no payload")
    _check_messages(place, step)


def _check_messages(place: str, step: Step[C]) -> None:
    commands = (step.command, step.compensation.command)
    replies = tuple(reply for reply, _ in step.replies())
    for asked in commands:
        _check_kind(place, asked, Kind.COMMAND)
    for reply in replies:
        _check_kind(place, reply, Kind.EVENT)
    # One subject for all of a step's messages: its compensation then travels behind its command,
    # and its replies come in the order in which they were given.
    subjects = {
        (schema.message_type.owner, schema.message_type.aggregate)
        for schema in (*commands, *replies)
    }
    if len(subjects) > 1:
        raise DefinitionError(f"{place}: its messages speak of several aggregates: {subjects}")


def _check_kind(place: str, schema: type[Payload], kind: Kind) -> None:
    declared = getattr(schema, "message_type", None)
    if declared is None:
        raise DefinitionError(f"{place}: {schema!r} is not in a contract")
    if declared.kind is not kind:
        raise DefinitionError(f"{place}: {declared.name} is not one of the {kind.value}s")


def _name(schema: type[Payload]) -> str:
    return schema.message_type.name
