"""Running one experiment: Chaos Toolkit plays its document, and this records the results.

Steady before → load → faults and their heals → recovered → end of load → every checkout
ended → steady after, with every invariant → the incident document.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from chaoslib.experiment import ensure_experiment_is_valid, run_experiment
from chaoslib.run import RunEventHandler

from chaos.experiments.conclusion import Evidence, conclude
from chaos.experiments.deliveries import between, counted
from chaos.experiments.document import REST_WITHIN, STEADY_WITHIN, steps_of
from chaos.experiments.experiment import Experiment
from chaos.experiments.follower import StreamFollower
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.recording import HEALED_BY, Recording
from chaos.faults import engine
from chaos.faults.healed import HealedLog
from chaos.toolkit import probes
from chaos.toolkit.session import Session, accepted, opened
from cluster.health.running_experiment import Phase
from cluster.messaging.envelope import new_message_id
from cluster.operations.checkout_client import CheckoutClient
from cluster.secrets.postgres import database
from cluster.storefront.events import StreamEvent
from cluster.storefront.journal import queries
from compose.errors import PlainError

logger = logging.getLogger(__name__)

FOLLOWED_WITHIN: Final = 20.0  # seconds for the stream's client to have seen the last event
# The rollbacks must run whenever the method fails, for any reason.
SETTINGS: Final = {"runtime": {"rollbacks": {"strategy": "always"}}}

Say = Callable[[Phase, str], None]
# Documents are drawn and kept whole, and no figure can show more than this.
MOST_EVENTS: Final = 8_000


class NotSteady(PlainError):
    """The platform was not steady before, so nothing was broken."""


class NotBegun(PlainError):
    """The run was cut short before anything was broken."""


class Interrupted(PlainError):
    """A signal ended the run. Its faults are healed, and nothing is recorded."""


@dataclass
class Run:
    """One run of an experiment, whose `cut_short` may be called from any thread."""

    experiment: Experiment
    rate: float
    actor: str
    seed: int | None = None
    identifier: str = field(default_factory=lambda: str(new_message_id()))
    say: Say = lambda _phase, _words: None

    def __post_init__(self) -> None:
        self._session = Session(run=self.identifier, actor=self.actor)
        self._reason = ""
        self._cutting = threading.Lock()

    def cut_short(self, reason: str) -> None:
        """Heal everything at once and break nothing more.

        The first reason counts.
        """
        with self._cutting:
            if self._reason:
                return
            self._reason = reason
        self._session.stopped.set()
        engine.heal_all(run=self.identifier)

    def record(self) -> IncidentDocument:
        """Play the experiment, and return its record.

        Raises NotSteady, Interrupted, PlainError. Must be called in the main thread, whose
        signals Chaos Toolkit handles meanwhile.
        """
        self.say("preparing", "The experiment is being written.")
        document = self.experiment.document(self.seed, rate=self.rate)
        ensure_experiment_is_valid(document)
        steps = steps_of(self.experiment, self.seed)
        recording = Recording(self.experiment, steps, cut_short=self.cut_short)
        self._session.witness = recording
        following = _Following(self, recording)
        with opened(self._session) as session:
            recording.begin()
            try:
                journal = run_experiment(document, settings=SETTINGS, event_handlers=[following])
                self._require_played(journal)
                return self._conclude(session, recording, following, journal)
            finally:
                recording.end()

    def _require_played(self, journal: Mapping[str, Any]) -> None:
        before = journal["steady_states"]["before"]
        if journal["status"] == "interrupted":
            raise Interrupted("The run was interrupted; what it had broken is healed.", status=130)
        if self._session.is_off:
            raise NotBegun(f"Nothing was broken: {self._reason}.")
        if before is None or not before["steady_state_met"]:
            failed = [one["activity"]["name"] for one in (before or {}).get("probes", [])][-1:]
            raise NotSteady(
                f"The platform was not steady within {STEADY_WITHIN:.0f} s, so nothing was broken"
                + (f": it is not so that {failed[0]}." if failed else ".")
            )

    def _conclude(
        self,
        session: Session,
        recording: Recording,
        following: _Following,
        journal: Mapping[str, Any],
    ) -> IncidentDocument:
        if session.verdict is None:  # a probe before it had failed
            probes.invariants_hold(within=REST_WITHIN)
        recording.moments["verified"] = datetime.now(UTC)
        recording.end()
        evidence = Evidence(
            identifier=self.identifier,
            experiment=self.experiment,
            recording=recording,
            actor=self.actor,
            seed=self.seed,
            rate=self.rate,
            ended=following.drained or datetime.now(UTC),
            verdict=session.verdict,
            hypothesis_met=_met(journal["steady_states"]["after"]),
            cut_short=self._reason,
            troubles=[*following.troubles, *_failures(journal)],
        )
        for healed in HealedLog().all():
            if healed.run == self.identifier:
                recording.note_heal(
                    healed.id,
                    by=HEALED_BY.get(healed.by, healed.by),
                    at=datetime.fromtimestamp(healed.at, UTC),
                )
        probes.patiently(lambda: self._gather(session, evidence, following))
        return conclude(evidence)

    def _gather(self, session: Session, evidence: Evidence, following: _Following) -> None:
        reach = last_seq()
        if following.client is not None and evidence.followed is None:
            evidence.followed = following.client.end(reach=reach, within=FOLLOWED_WITHIN)
        if session.load is not None:
            evidence.offered = session.load.offered()
            counter = CheckoutClient()
            evidence.states = counter.states(accepted(session))
            counter.close()
        evidence.events = events_between(
            following.first_seq, reach, evidence.recording.began, evidence.ended
        )
        if following.counts:
            evidence.deliveries = between(following.counts, counted())


class _Following(RunEventHandler):  # type: ignore[misc]  # chaoslib has no types
    """Reports the phases, and starts the recorders before anything breaks.

    Chaos Toolkit swallows the exceptions of a handler; here they become troubles of the run.
    """

    def __init__(self, run: Run, recording: Recording) -> None:
        self.run = run
        self.recording = recording
        self.client: StreamFollower | None = None
        self.first_seq = 0
        self.counts: Mapping[str, int] = {}
        self.drained: datetime | None = None
        self.troubles: list[str] = []

    def start_hypothesis_before(self, _experiment: Any) -> None:
        self.run.say("steady before", "The steady state and every invariant are examined.")

    def start_method(self, _experiment: Any) -> None:
        session = self.run._session  # noqa: SLF001
        session.began, session.verdict = True, None  # drops the verdict from before the method
        try:
            self.first_seq = last_seq()
            self.counts = counted()
            self.client = StreamFollower(after=self.first_seq)
            self.client.begin()
        except Exception as error:
            logger.exception("the recorder could not begin")
            self.troubles.append(f"The recorder could not begin: {error}.")

    def start_activity(self, activity: Mapping[str, Any]) -> None:
        match activity["provider"]["func"]:
            case "begin_load":
                self.run.say("injecting", "Checkouts are handed in before anything breaks.")
            case "inject" | "heal":
                self.run.say("injecting", f"Now: {activity['name']}.")
            case "wait_for_load":
                self.run.say("injecting", "The burst of checkouts is handed in.")
            case "recovered":
                self.run.say("recovering", "The platform recovers.")
            case "checkouts_ended":
                self.recording.recovered_for_good()
                self.run.say("draining", "Every accepted checkout is waited for.")

    def start_hypothesis_after(self, _experiment: Any) -> None:
        self.drained = datetime.now(UTC)
        self.run.say("verifying", "The steady state and every invariant are examined again.")


def _met(state: Mapping[str, Any] | None) -> bool:
    return state is not None and bool(state["steady_state_met"])


def _failures(journal: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each activity of the method that failed."""
    failed = (
        one for one in [*journal["run"], *journal["rollbacks"]] if one["status"] != "succeeded"
    )
    return [f"It failed to {one['activity']['name']}: {_reason(one)}" for one in failed]


def _reason(activity_run: Mapping[str, Any]) -> str:
    lines = activity_run.get("exception") or ["it did not say why"]
    return str(lines[-1]).strip()


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
