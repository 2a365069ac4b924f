"""The probes of our experiments, each of which waits up to `within` seconds for a good answer.

They read the observer's snapshots, which it makes under any fault, except for the
invariants, which the checkers examine in the databases.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

import amqp
import psycopg

from chaos.toolkit import steady
from chaos.toolkit.session import accepted, current
from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Snapshot
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.verify import run_verify
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.secrets.vault import SecretsError
from config.waiting import constant, retry, wait_until

T = TypeVar("T")

LOOK_EVERY: Final = 0.1  # seconds
# A snapshot may look steady before a failure is detected, so the state must last.
STAYS: Final = 2.5  # seconds; heartbeats come every two
SERVER_WITHIN: Final = 60.0  # seconds for a server that is coming back
AWAY: Final = (
    psycopg.OperationalError,
    DatabaseUnavailable,
    SecretsError,
    amqp.AMQPError,
    OSError,
)


def every_process_works(within: float = 0.0) -> bool:
    return _judged(steady.every_process_works, within)


def every_queue_is_consumed(within: float = 0.0) -> bool:
    return _judged(steady.every_queue_is_consumed, within)


def outboxes_drain(within: float = 0.0) -> bool:
    return _judged(steady.outboxes_drain, within)


def checkouts_complete(within: float = 0.0) -> bool:
    return _judged(steady.checkouts_complete, within)


def stream_moves(within: float = 0.0) -> bool:
    return _judged(steady.stream_moves, within)


def invariants_hold(within: float = 0.0) -> bool:
    """Return whether the checkers find no violation and leave nothing undecided."""
    session = current()
    if session.is_off:
        return False
    session.verdict = verdict = patiently(lambda: run_verify(wait=within))
    return verdict.clean


def recovered(within: float = 0.0) -> bool:
    """Return whether the platform becomes steady, and stays so for STAYS seconds."""
    end = time.monotonic() + within
    since: float | None = None
    while not current().stopped.is_set():
        now = time.monotonic()
        snapshot = latest()
        steady_now = snapshot is not None and is_steady(snapshot)
        since = (since or now) if steady_now else None
        if since is not None and now - since >= STAYS:
            return True
        if now >= end and since is None:
            return False
        time.sleep(LOOK_EVERY)
    return False


def checkouts_ended(within: float = 0.0) -> bool:
    """Return whether every accepted checkout of the load has completed or was compensated."""
    session = current()
    if not accepted(session):
        return True
    with closing(CheckoutClient()) as counter:

        def have_ended() -> bool:
            states = patiently(lambda: counter.states(accepted(session)))
            return all(state.ended for state in states.values())

        return wait_until(have_ended, within=within, every=LOOK_EVERY)


def is_steady(snapshot: Snapshot) -> bool:
    """Return whether the observer reports a steady state and no open outage."""
    return snapshot.state == "steady" and not snapshot.open_outages


def patiently(act: Callable[[], T]) -> T:
    """Run `act`, and repeat it for up to SERVER_WITHIN seconds while a server is away."""
    return retry(act, on=AWAY, pauses=constant(LOOK_EVERY, within=SERVER_WITHIN))


def _judged(judge: steady.Judge, within: float) -> bool:
    session = current()

    def is_good() -> bool:
        snapshot = latest()
        return snapshot is not None and judge(snapshot).ok

    over = wait_until(lambda: session.is_off or is_good(), within=within, every=LOOK_EVERY)
    return over and not session.is_off
