"""The places at which other concerns attach to the messaging: tracing, injected faults.

The messaging calls each hook at its place, and does without any of them. What attaches by default
is listed in `active`.
Pattern: Dramatiq's middleware, https://dramatiq.io/guide.html
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # these modules call the hooks
    from collections.abc import Iterator

    from cluster.messaging.envelope import Envelope
    from cluster.messaging.publisher import OutboxRow
    from cluster.messaging.work import Outgoing, UnitOfWork

Received = tuple["Envelope", int]  # with the time of its arrival, in ns of the epoch


class Middleware:
    """One concern, with a hook for each place. A hook that is not overridden does nothing."""

    # The NOTIFY channel on which a relay listens for it, or none.
    channel: str = ""

    # A unit of work ----------------------------------------------------------------

    def write(self, work: UnitOfWork, message: Outgoing, envelope: Envelope) -> Envelope:  # noqa: ARG002
        """Return the envelope to write to the outbox for a message."""
        return envelope

    def committed(self, work: UnitOfWork) -> None:
        """Follow the commit of a unit of work."""

    # The inbox ---------------------------------------------------------------------

    def applying(self, service: str, envelope: Envelope) -> AbstractContextManager[None]:  # noqa: ARG002
        """Return the context in which one message is applied alone."""
        return nullcontext()

    def processed(self, service: str, received: Sequence[Received], *, error: str = "") -> None:
        """Follow the commit of messages that were applied, or given up because of `error`."""

    # The relay ---------------------------------------------------------------------

    def notified(self, payload: str) -> None:
        """Take a notification of the channel."""

    def held_back(self) -> list[int]:
        """Return the ids of the rows that are to stay in the outbox for now."""
        return []

    def replace(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """Return the rows to publish in place of these."""
        return list(rows)

    def patience(self, at_most: float) -> float:
        """Return the seconds that an idle relay may sleep."""
        return at_most

    def published(self, bodies: Sequence[bytes], at: int) -> None:
        """Follow the confirms of messages, at a moment in ns of the epoch."""


@cache
def active() -> tuple[Middleware, ...]:
    """Return the middleware of this process."""
    from cluster.messaging.tracing import Tracing  # which is middleware itself

    return (Tracing(),)


def write(work: UnitOfWork, message: Outgoing, envelope: Envelope) -> Envelope:
    """Return the envelope to write to the outbox, after every middleware."""
    for one in active():
        envelope = one.write(work, message, envelope)
    return envelope


def committed(work: UnitOfWork) -> None:
    """Tell every middleware of a commit."""
    for one in active():
        one.committed(work)


def processed(service: str, received: Sequence[Received], *, error: str = "") -> None:
    """Tell every middleware of messages that were applied or given up."""
    for one in active():
        one.processed(service, received, error=error)


@contextmanager
def applying(service: str, envelope: Envelope) -> Iterator[None]:
    """Enter the context of every middleware for one message."""
    with ExitStack() as stack:
        for one in active():
            stack.enter_context(one.applying(service, envelope))
        yield
