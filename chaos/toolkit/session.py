"""The run that actions and probes belong to.

The runner opens one. Under Chaos Toolkit's own command line the first action opens one
that takes the same lock, checks the same switch and writes the same audit trail.
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
    """The receiver of the method's reports on faults, heals and load."""

    def injected(self, armed: ArmedFault, words: str) -> None: ...

    def healed(self, armed: ArmedFault, words: str) -> None: ...

    def load_began(self, load: Load) -> None: ...


class Nobody:
    """A witness that records nothing."""

    def injected(self, armed: ArmedFault, words: str) -> None:
        """Record nothing."""

    def healed(self, armed: ArmedFault, words: str) -> None:
        """Record nothing."""

    def load_began(self, load: Load) -> None:
        """Record nothing."""


@dataclass
class Session:
    """One run, which breaks nothing more once `stopped` is set.

    `began` is set when the method begins: before that, a stop leaves nothing to wait for.
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
        """True when it was cut short before anything was broken."""
        return self.stopped.is_set() and not self.began

    def close(self) -> None:
        """End the load, and heal all faults of this run."""
        if self.load is not None:
            self.load.end()
        engine.heal_all(run=self.run)


class _Current:
    session: Session | None = None


def current() -> Session:
    """Return the session of this process, opened by hand if there is none yet."""
    if _Current.session is None:
        _Current.session = _by_hand()
    return _Current.session


@contextmanager
def opened(session: Session) -> Iterator[Session]:
    """Make this the process's session for a block, and close it afterwards."""
    _Current.session = session
    try:
        yield session
    finally:
        _Current.session = None
        session.close()


def accepted(session: Session) -> list[UUID]:
    """Return the checkouts of the session's load that were accepted."""
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
