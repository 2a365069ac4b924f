"""The registry of faults, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from chaos.faults import links, messages
from chaos.faults.broker import BrokerMemoryAlarm, CloseBrokerConnections, PauseQueue
from chaos.faults.databases import (
    EndDatabaseSessions,
    ReadOnlyDatabase,
    RefuseDatabaseConnections,
    SlowDatabase,
)
from chaos.faults.fault import Fault
from chaos.faults.processes import KillProcess, PauseProcess, RestartProcess
from chaos.faults.secrets import RevokeLeases, RotateProviderKey, SealSecrets
from compose.errors import Misuse


class BadRegistry(Exception):
    """Two faults share a name, or one has no words or no targets. No process starts then."""


def register(faults: Iterable[Fault]) -> Mapping[str, Fault]:
    """Return the faults by name, or raise BadRegistry."""
    found: dict[str, Fault] = {}
    for fault in faults:
        if fault.name in found:
            raise BadRegistry(f"there are two faults {fault.name!r}")
        words = fault.words
        if not (fault.name and words.title and words.verb and words.what):
            raise BadRegistry(f"the fault {fault.name!r} lacks words")
        targets = fault.targets()
        if not targets or len(set(targets)) < len(targets):
            raise BadRegistry(f"the fault {fault.name!r} has no targets, or one of them twice")
        found[fault.name] = fault
    return MappingProxyType(found)


FAULTS: Final[Mapping[str, Fault]] = register(
    [
        KillProcess(),
        PauseProcess(),
        RestartProcess(),
        CloseBrokerConnections(),
        BrokerMemoryAlarm(),
        PauseQueue(),
        EndDatabaseSessions(),
        RefuseDatabaseConnections(),
        ReadOnlyDatabase(),
        SlowDatabase(),
        RevokeLeases(),
        RotateProviderKey(),
        SealSecrets(),
        *messages.FAULTS,
        *links.FAULTS,
    ]
)


def fault_named(name: str) -> Fault:
    """Return the fault of that name.

    Raises Misuse with the known names.
    """
    try:
        return FAULTS[name]
    except KeyError:
        raise Misuse(f"There is no fault {name!r}; there is: {', '.join(FAULTS)}.") from None
