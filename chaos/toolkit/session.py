"""The run that actions and probes belong to.

The runner opens one; under Chaos Toolkit's own command line the first action opens one that
takes the same lock, asks the same switch and writes the same audit trail.
"""

from __future__ import annotations

import atexit
import getpass
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from chaos.experiments.load import Load
from chaos.faults import engine
from chaos.runner.lock import RunLock
from cluster.health.armed_faults import ArmedFault
from cluster.health.checkers.verify import Verdict
from cluster.messaging.envelope import new_message_id
from config import environment

logger: Final = logging.getLogger("chaostoolkit")


class Witness(Protocol):
    """Who is told what the method does, as it does it."""

    def injected(self, armed: ArmedFault, words: str) -> None: ...

    def healed(self, armed: ArmedFault, words: str) -> None: ...

    def load_began(self, load: Load) -> None: ...


class Nobody:
    """A witness that takes no notes."""

    def injected(self, armed: ArmedFault, words: str) -> None:
        """Take no note."""

    def healed(self, armed: ArmedFault, words: str) -> None:
        """Take no note."""

    def load_began(self, load: Load) -> None:
        """Take no note."""


@dataclass
class Session:
    """One run. `stopped` is set when it is cut short: nothing is broken from then on.

    `began` says that the method has begun: before it, there is nothing to wait for after a stop.
    """

    run: str
    actor: str
    witness: Witness = field(default_factory=Nobody)
    load: Load | None = None
    verdict: Verdict | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    began: bool = False

    @property
    def is_off(self) -> bool:
        """Whether it was cut short before anything was broken."""
        return self.stopped.is_set() and not self.began

    def close(self) -> None:
        """Hand in nothing more and leave nothing broken."""
        if self.load is not None:
            self.load.end()
        engine.heal_all(run=self.run)


class _Current:
    session: Session | None = None


def current() -> Session:
    """The session of this process; the first call without one opens a session by hand."""
    if _Current.session is None:
        _Current.session = _by_hand()
    return _Current.session


@contextmanager
def opened(session: Session) -> Iterator[Session]:
    """Make this the process's session for a block, and close it after it."""
    _Current.session = session
    try:
        yield session
    finally:
        _Current.session = None
        session.close()


def accepted(session: Session) -> list[UUID]:
    """The checkouts that the session's load has had accepted."""
    return [] if session.load is None else session.load.accepted


def _by_hand() -> Session:
    environment.name_settings()
    import django

    django.setup()
    from chaos.experiments import repository

    repository.require_allowed()
    actor = f"{getpass.getuser()}, by chaos run"
    lock = RunLock()
    lock.take(who=actor, waiting=lambda who: logger.info("Waiting for %s to end", who))
    session = Session(run=str(new_message_id()), actor=actor)
    atexit.register(session.close)
    return session
