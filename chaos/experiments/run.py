"""The loop of a run: one experiment from a look at the platform to its record.

Look → load → faults and their heals → recovered → end of load → every checkout ended →
steady again, with every invariant → rollback → the incident document.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from chaos.experiments.conclusion import Evidence, between, conclude, counted
from chaos.experiments.experiment import (
    CALM_AFTER,
    CALM_BEFORE,
    ENDED_WITHIN,
    LEAST_CALM,
    REST_WITHIN,
    STEADY_WITHIN,
    Experiment,
    Step,
    timed,
)
from chaos.experiments.follower import StreamFollower
from chaos.experiments.incident import Baseline, IncidentDocument
from chaos.experiments.load import order_of
from chaos.experiments.recording import HEALED_BY, Recording, told
from chaos.experiments.stages import AWAY, Stages, patiently
from chaos.experiments.storm import steps_of
from chaos.faults.healed import HealedLog
from cluster.health.checkers.finding import Outcome
from cluster.health.last_verdict import forget_verdict, last_verdict
from cluster.health.observer.client import latest
from cluster.health.running_experiment import Phase
from cluster.messaging.envelope import new_message_id
from cluster.operations.checkout_client import CheckoutClient
from cluster.secrets.postgres import database
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.events import StreamEvent
from cluster.storefront.journal import queries
from compose.errors import PlainError

logger = logging.getLogger(__name__)

FOLLOWED_WITHIN: Final = 20.0  # seconds for the stream's client to have seen the last event
# Pages see a snapshot each second, and people need time to read.
SHOWN_FOR: Final = 3.0  # seconds for which the last injection is the phase
# Documents are drawn and kept whole, and no figure can show more than this.
MOST_EVENTS: Final = 8_000

Say = Callable[[Phase, str], None]


class NotSteady(PlainError):
    """The platform was not steady before, so nothing was broken."""


class NotBegun(PlainError):
    """The run was cut short before anything was broken."""


class Interrupted(PlainError):
    """A signal ended the run. Its faults are healed, and nothing is recorded."""


@dataclass
class Run:
    """One run of an experiment, whose `cut_short` may be called from any thread.

    An order of the visitor `buyer` is handed in just before the first fault, and its id told to
    `follow` beforehand.
    `verifying_since`: when it broke nothing more and began to verify, in monotonic seconds.
    """

    experiment: Experiment
    rate: float
    actor: str
    seed: int | None = None
    identifier: str = field(default_factory=lambda: str(new_message_id()))
    say: Say = lambda _phase, _words: None
    buyer: str = ""
    follow: Callable[[UUID], None] = lambda _order: None
    verifying_since: float = 0.0

    def __post_init__(self) -> None:
        self.steps = steps_of(self.experiment, self.seed)
        self._stages = Stages(run=self.identifier, actor=self.actor)
        self._recording = Recording(self.experiment, self.steps, cut_short=self.cut_short)
        self._evidence = Evidence(
            identifier=self.identifier,
            experiment=self.experiment,
            recording=self._recording,
            actor=self.actor,
            seed=self.seed,
            rate=self.rate,
        )
        self._cutting = threading.Lock()
        self._first_seq = 0
        self._counts: dict[str, int] = {}
        self._follower: StreamFollower | None = None
        self._order: CheckoutOrder | None = None  # the buyer's, until it is handed in

    def cut_short(self, reason: str) -> None:
        """Heal everything at once and break nothing more.

        The first reason counts.
        """
        with self._cutting:
            if self._evidence.cut_short:
                return
            self._evidence.cut_short = reason
        self._stages.stopped.set()
        self._stages.heal_everything()

    def record(self) -> IncidentDocument:
        """Run the experiment, and return its record.

        Raises NotSteady, NotBegun, Interrupted, PlainError.
        """
        self._recording.begin()
        try:
            self._settle_baseline()
            fault_due = time.monotonic() + CALM_BEFORE
            self._begin_recorders()
            self._play(fault_due)
            self._verify()
            self._recording.end()
            return self._conclude()
        except (KeyboardInterrupt, SystemExit) as error:
            words = "The run was interrupted; what it had broken is healed."
            raise Interrupted(words, status=130) from error
        finally:
            self._stages.roll_back()
            self._recording.end()

    def _settle_baseline(self) -> None:
        """Look at the observer's account, and read the invariants if no clean verdict is kept."""
        self.say("preparing", "Nothing is broken yet. The observer’s account is read.")
        unsteady = self._stages.unsteady(within=STEADY_WITHIN)
        self._require_wanted()
        if unsteady:
            raise NotSteady(
                f"The platform was not steady within {STEADY_WITHIN:.0f} s, so nothing was "
                f"broken. {unsteady}"
            )
        kept, now = last_verdict(), time.time()
        if kept is not None and kept.clean:
            age = round(max(0.0, now - kept.at), 1)
            baseline = Baseline(at=_told(kept.at), by=kept.by, age_seconds=age)
        else:
            self._read_invariants_first()
            self._require_wanted()
            baseline = Baseline(at=_told(time.time()), by="", age_seconds=0.0)
        self._evidence.baseline = baseline
        self.say("steady before", f"Nothing is broken yet. {baseline.sentence}")
        forget_verdict()

    def _require_wanted(self) -> None:
        if self._stages.is_off:
            raise NotBegun(f"Nothing was broken: {self._evidence.cut_short}.")

    def _read_invariants_first(self) -> None:
        self.say(
            "preparing",
            "Nothing is broken yet. No clean verdict is kept, so every invariant is read first.",
        )
        verdict = self._stages.verdict(within=REST_WITHIN, by=self._name)
        if not verdict.clean:
            wrong = [one.name for one in verdict.findings if one.outcome is Outcome.FAIL]
            unknown = [one.name for one in verdict.findings if one.unknown]
            raise NotSteady(
                "The platform was not steady, so nothing was broken. "
                f"Violated or undecided: {', '.join(wrong + unknown)}."
            )

    def _begin_recorders(self) -> None:
        try:
            self._first_seq = last_seq()
            self._counts = dict(counted())
            self._follower = StreamFollower(after=self._first_seq)
            self._follower.begin()
        except Exception as error:
            logger.exception("the recorder could not begin")
            self._evidence.troubles.append(f"The recorder could not begin: {error}.")

    def _play(self, fault_due: float) -> None:
        """Break what the method names, and wait until the platform and every checkout recover.

        The first fault comes at `fault_due`, in monotonic seconds, or after LEAST_CALM.
        """
        if self.experiment.load.is_burst:
            self.say("injecting", "The burst of checkouts is handed in.")
        self._try("hand in checkouts", self._begin_load)
        if self.buyer and self.steps:
            self._try("plan the visitor’s order", self._plan_order)
        now = -max(LEAST_CALM, fault_due - time.monotonic())
        shown_until = 0.0
        for at, act, step in timed(self.steps):
            if self._stages.stopped.wait(max(0.0, at - now)):
                break
            now = max(now, at)
            if act == "inject":
                self._try(f"inject {step.fault} into {step.target}", partial(self._inject, step))
                shown_until = time.monotonic() + SHOWN_FOR
            else:
                self._try(f"heal {step.fault} of {step.target}", partial(self._heal, step))
        if self._stages.stopped.is_set():  # perhaps while a fault was being injected
            self._stages.heal_everything()
        if not self.steps:
            self._try("wait until the load is spent", self._stages.wait_for_load)
        self._stages.stopped.wait(max(0.0, shown_until - time.monotonic()))
        self.say("recovering", "The platform recovers.")
        self._stages.recovered(within=self.experiment.abort.degraded_seconds)
        self._stages.stopped.wait(CALM_AFTER)
        self._stages.end_load()
        self._recording.recovered_for_good()
        self.say("draining", "Every accepted checkout is waited for.")
        self._try(
            "wait for every checkout", partial(self._stages.checkouts_ended, within=ENDED_WITHIN)
        )
        self._evidence.ended = datetime.now(UTC)

    def _begin_load(self) -> None:
        self._recording.load_began(self._stages.begin_load(self.experiment.load, self.rate))

    def _plan_order(self) -> None:
        self._order = order_of(self.buyer)
        self.follow(self._order.id)

    def _hand_in_order(self) -> None:
        order, self._order = self._order, None
        if order is not None:
            self._stages.hand_in(order)

    def _inject(self, step: Step) -> None:
        self.say("injecting", f"The fault {step.fault} is about to be injected into {step.target}.")
        self._try("hand in the visitor’s order", self._hand_in_order)
        armed, words = self._stages.inject(step.fault, step.target, step.life, step.parameters)
        self._recording.injected(armed, words)
        self.say("injecting", f"The fault {step.fault} was injected into {step.target}.")

    def _heal(self, step: Step) -> None:
        for armed, _ in self._stages.heal(step.fault, step.target):
            self._recording.healed(armed)
        self.say("injecting", f"The fault {step.fault} of {step.target} was healed.")

    def _verify(self) -> None:
        self.verifying_since = time.monotonic()
        self.say("verifying", "The steady state and every invariant are examined.")
        unsteady = self._stages.unsteady(within=STEADY_WITHIN)
        self._try("examine the invariants", self._examine)
        verdict = self._evidence.verdict
        self._evidence.hypothesis_met = not unsteady and verdict is not None and verdict.clean
        self._recording.moments["verified"] = datetime.now(UTC)

    def _examine(self) -> None:
        self._evidence.verdict = self._stages.verdict(within=REST_WITHIN, by=self._name)

    @property
    def _name(self) -> str:
        return f"the run of {self.experiment.name}"

    def _try(self, name: str, act: Callable[[], object]) -> None:
        """Go on with the run when one of its activities fails, which is then a deviation."""
        try:
            act()
        except Exception as error:
            logger.exception("the run failed to %s", name)
            reason = str(error).strip() or type(error).__name__
            self._evidence.troubles.append(f"It failed to {name}: {reason}")

    def _conclude(self) -> IncidentDocument:
        for healed in HealedLog().all():
            if healed.run == self.identifier:
                self._recording.note_heal(
                    healed.id,
                    by=HEALED_BY.get(healed.by, healed.by),
                    at=datetime.fromtimestamp(healed.at, UTC),
                )
        patiently(self._gather)
        return conclude(self._evidence)

    def _gather(self) -> None:
        evidence, load = self._evidence, self._stages.load
        reach = last_seq()
        if self._follower is not None and evidence.followed is None:
            evidence.followed = self._follower.end(reach=reach, within=FOLLOWED_WITHIN)
        if load is not None:
            evidence.offered = load.offered()
            with closing(CheckoutClient()) as client:
                evidence.states = client.states(load.accepted)
        evidence.events = events_between(
            self._first_seq, reach, self._recording.began, evidence.ended
        )
        if self._counts:
            evidence.deliveries = between(self._counts, counted())


def warm_up() -> None:
    """Open the observer's feed and lease the logins of a run, which the first one needs at once."""
    latest()
    with suppress(*AWAY), closing(CheckoutClient()) as client:
        client.states([])
        counted()


def _told(seconds: float) -> str:
    return told(datetime.fromtimestamp(seconds, UTC))


def last_seq() -> int:
    """Return the last seq of the journal, or raise DatabaseUnavailable."""
    with database("site", auditor=True).connect(autocommit=True) as connection:
        return queries.last_seq(connection.cursor())


def events_between(after: int, up_to: int, began: datetime, ended: datetime) -> list[StreamEvent]:
    """Return the first MOST_EVENTS entries of that range and time, or raise DatabaseUnavailable."""
    with database("site", auditor=True).connect(autocommit=True) as connection:
        return queries.events_between(
            connection.cursor(),
            after=after,
            up_to=up_to,
            began=began,
            ended=ended,
            most=MOST_EVENTS,
        )
