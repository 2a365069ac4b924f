"""The stages of a run: load, injections and heals, recovery, the end of every checkout, verdict.

The runner's loop (`chaos/experiments/run.py`) and Chaos Toolkit's providers (`chaos/toolkit/`)
call the same methods. Probes read the observer's snapshots, which it makes under any fault,
except for the invariants, which the checkers examine in the databases.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final, TypeVar
from uuid import UUID

import amqp
import psycopg

from chaos.experiments.experiment import Profile
from chaos.experiments.load import Load
from chaos.experiments.steady import ABSENT, STAYS, STEADY_STATE, Judge, Judgement, is_steady
from chaos.faults.engine import ROLLBACK_PATIENCE, Engine, heal_all
from cluster.health.armed_faults import ArmedFault, ArmedFaults
from cluster.health.checkers.verify import Verdict
from cluster.health.observer.client import latest
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.verify import run_verify
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.secrets.vault import SecretsError
from cluster.storefront.checkout_intake import CheckoutOrder
from config.waiting import constant, retry, wait_until

T = TypeVar("T")

LOOK_EVERY: Final = 0.1  # seconds
SPENT_WITHIN: Final = 60.0  # seconds for a burst of checkouts to be started
SERVER_WITHIN: Final = 60.0  # seconds for a server that is coming back
AWAY: Final = (
    psycopg.OperationalError,
    DatabaseUnavailable,
    SecretsError,
    amqp.AMQPError,
    OSError,
)


class Stages:
    """The effects of one run on the platform, which breaks nothing more once `stopped` is set."""

    def __init__(self, *, run: str, actor: str) -> None:
        self.run = run
        self.actor = actor
        self.load: Load | None = None
        self.began = False  # before the load begins, a stop leaves nothing to wait for
        self.stopped = threading.Event()

    @property
    def is_off(self) -> bool:
        """True when it was cut short before anything began."""
        return self.stopped.is_set() and not self.began

    @property
    def accepted(self) -> list[UUID]:
        """The checkouts of the load that were accepted."""
        return [] if self.load is None else self.load.accepted

    def begin_load(self, profile: Profile, rate: float) -> Load:
        """Begin the load, which goes on until `end_load`."""
        self.began = True
        self.load = Load(profile, rate)
        self.load.begin()
        return self.load

    def hand_in(self, order: CheckoutOrder) -> None:
        """Hand in one order beside the load."""
        if self.load is not None:
            self.load.add(order)

    def wait_for_load(self) -> None:
        """Wait until all checkouts of a burst have been started.

        Raises TimeoutError after SPENT_WITHIN seconds.
        """
        if self.load is not None and not self.load.wait(within=SPENT_WITHIN):
            raise TimeoutError(f"The load was not handed in within {SPENT_WITHIN:.0f} s.")

    def end_load(self) -> None:
        if self.load is not None:
            self.load.end()

    def inject(
        self, fault: str, target: str, seconds: float, parameters: Mapping[str, Any]
    ) -> tuple[ArmedFault, str]:
        """Inject a fault, which the watchdog heals after `seconds`, and say what was done."""
        return Engine().inject(
            fault=fault,
            target=target,
            seconds=seconds,
            actor=self.actor,
            parameters=parameters,
            run=self.run,
        )

    def heal(self, fault: str, target: str) -> list[tuple[ArmedFault, str]]:
        """Heal a fault of this run by its name and target, and say what was done."""
        return [
            (armed, Engine().heal(armed, patience=ROLLBACK_PATIENCE))
            for armed in ArmedFaults().all()
            if (armed.run, armed.fault, armed.target) == (self.run, fault, target)
        ]

    def heal_everything(self) -> list[str]:
        """Heal all faults of this run that are still armed, with a sentence on each."""
        return heal_all(run=self.run)

    def roll_back(self) -> None:
        """End the load, and heal all faults of this run."""
        self.end_load()
        self.heal_everything()

    def judged(self, judge: Judge, *, within: float) -> Judgement:
        """Return a probe's answer, for up to `within` seconds the first good one."""

        def look() -> Judgement:
            snapshot = latest()
            return ABSENT if snapshot is None else judge(snapshot)

        return wait_until(
            look, holds=lambda found: found.ok or self.is_off, within=within, every=LOOK_EVERY
        )

    def unsteady(self, *, within: float) -> str:
        """Return why the platform is not steady, after up to `within` seconds, or ""."""
        for judge in STEADY_STATE.values():
            found = self.judged(judge, within=within)
            if not found.ok:
                return found.words
        return ""

    def verdict(self, *, within: float, by: str) -> Verdict:
        """Return the checkers' verdict, whose rest they wait for up to `within` seconds."""
        return patiently(lambda: run_verify(wait=within, by=by))

    def recovered(self, *, within: float) -> bool:
        """Return whether the platform becomes steady, and stays so for STAYS seconds."""
        end = time.monotonic() + within
        since: float | None = None
        while not self.stopped.is_set():
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

    def checkouts_ended(self, *, within: float) -> bool:
        """Return whether every accepted checkout of the load has completed or was compensated."""
        if not self.accepted:
            return True
        with closing(CheckoutClient()) as client:

            def have_ended() -> bool:
                states = patiently(lambda: client.states(self.accepted))
                return all(state.ended for state in states.values())

            return wait_until(have_ended, within=within, every=LOOK_EVERY)


def patiently(act: Callable[[], T]) -> T:
    """Run `act`, and repeat it for up to SERVER_WITHIN seconds while a server is away."""
    return retry(act, on=AWAY, pauses=constant(LOOK_EVERY, within=SERVER_WITHIN))
