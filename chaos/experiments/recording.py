"""Recording of a run: moments, outages, readings, and the decision to cut it short.

A thread reads the observer's snapshots from before the first fault until after the last
checkout. The method itself reports its injections and heals.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from chaos.experiments.experiment import Experiment, Step
from chaos.experiments.incident import Injection, ProbeReading
from chaos.experiments.load import Load
from chaos.experiments.steady import STAYS, is_steady, judge_all
from cluster.health.armed_faults import ArmedFault
from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import OutageSpan, Snapshot

LOOK_EVERY: Final = 0.1  # seconds
READ_EVERY: Final = 0.5  # seconds between two readings of the probes
# Two processes' clocks differ, so the observer may date an outage before its fault.
SKEW: Final = 0.3  # seconds
# The healer in words, by the word of the log of heals.
HEALED_BY: Final = {
    "rollback": "its rollback",
    "watchdog": "the watchdog",
    "command": "a person at the command line",
}
HEALED_BY_PLATFORM: Final = "the platform itself"

When = Literal["before", "during", "after"]
CutShort = Callable[[str], None]


class Recording:
    """The growing record of one run, with moments in UTC, safe for several threads."""

    def __init__(
        self, experiment: Experiment, steps: Sequence[Step], *, cut_short: CutShort
    ) -> None:
        self.experiment = experiment
        self.began = datetime.now(UTC)
        self.moments: dict[str, datetime] = {}
        self.outages: dict[str, OutageSpan] = {}
        self.readings: list[ProbeReading] = []
        self.injections: dict[str, Injection] = {}
        self.load: Load | None = None
        self._awaited = len(steps)
        self._lasting = {
            (step.fault, step.target): step.seconds for step in steps if step.seconds is not None
        }
        self._before: Snapshot | None = None
        self._cut_short = cut_short
        self._when: When = "before"
        self._told: dict[tuple[When, str], tuple[bool, str]] = {}
        self._steady_since: datetime | None = None
        self._last_reading = 0.0
        self._settled_at: float | None = None
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="recording", daemon=True)

    # ------------------------------------------------- reports of the method

    def injected(self, armed: ArmedFault, words: str) -> None:
        """Record a fault in force.

        A recovery or consistency recorded before it no longer counts.
        """
        with self._lock:
            self._begin_incident(datetime.fromtimestamp(armed.armed_at, UTC))
            seconds = self._lasting.get((armed.fault, armed.target))
            self.injections[armed.id] = Injection(
                fault=armed.fault,
                target=armed.target,
                injected_at=told(datetime.fromtimestamp(armed.armed_at, UTC)),
                words=words,
                seconds=seconds,
                healed_by=HEALED_BY_PLATFORM if seconds is None else "",
            )
            self._awaited -= 1
            self._unsettle()

    def healed(self, armed: ArmedFault) -> None:
        """Record that the method has healed a fault."""
        self.note_heal(armed.id, by=HEALED_BY["rollback"])

    def note_heal(self, identifier: str, *, by: str, at: datetime | None = None) -> None:
        """Record a heal of this run's fault by any healer.

        The first report of a heal counts.
        """
        with self._lock:
            found = self.injections.get(identifier)
            if found is None or found.healed_at is not None:
                return
            if (found.fault, found.target) not in self._lasting:
                return  # it ended at once, and the platform healed by itself
            at = at or datetime.now(UTC)
            self.injections[identifier] = msgspec.structs.replace(
                found, healed_at=told(at), healed_by=by
            )
            self.moments["healed"] = max(at, self.moments.get("healed", at))
            self._unsettle()

    def load_began(self, load: Load) -> None:
        """Record the start of the load.

        A burst is a fault by itself.
        """
        with self._lock:
            self.load = load
            if load.profile.is_burst:
                self._begin_incident(datetime.now(UTC))

    def recovered_for_good(self) -> None:
        """Let the readings from now on count as those after the incident."""
        with self._lock:
            self._when = "after"

    @property
    def recovered(self) -> bool:
        return "recovered" in self.moments

    # ------------------------------------------------- snapshots of the observer

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """End the thread, if it has not ended."""
        self._ended.set()
        self._thread.join()

    def see(self, snapshot: Snapshot | None, *, now: float) -> None:
        """Evaluate one snapshot, at `now` in monotonic seconds."""
        reason = self._learn(snapshot, now)
        if reason:  # without the lock, since healing takes time
            self._cut_short(reason)

    def _learn(self, snapshot: Snapshot | None, now: float) -> str:
        """Evaluate one snapshot, and return why the run must be cut short, or ""."""
        with self._lock:
            if now - self._last_reading >= READ_EVERY:
                self._last_reading = now
                self._read(snapshot)
            injected = self.moments.get("injected")
            if snapshot is None:
                return ""
            if injected is None:
                self._before = snapshot
                return ""
            at = moment(snapshot.at)
            self._note_outages(snapshot, injected)
            if at < injected:
                return ""
            if snapshot.state == "degraded":
                self.moments.setdefault("degraded", at)
            self._note_recovery(snapshot, at)
            self._note_consistency(snapshot, at)
            return self._reason_to_abort(snapshot, now)

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            self.see(latest(), now=time.monotonic())

    def _begin_incident(self, at: datetime) -> None:
        self.moments.setdefault("injected", at)
        if self._when == "before":
            self._when = "during"

    def _unsettle(self) -> None:
        for label in ("recovered", "consistent"):
            self.moments.pop(label, None)
        self._steady_since = None
        self._settled_at = time.monotonic()

    def _note_outages(self, snapshot: Snapshot, injected: datetime) -> None:
        for span in snapshot.outages:
            if (moment(span.began) - injected).total_seconds() < -SKEW:
                continue
            if span.id not in self.outages and span.process in self.experiment.targets:
                self.moments.setdefault("detected", datetime.now(UTC))
            self.outages[span.id] = span
        if snapshot.state == "degraded" and not self.experiment.outage:
            self.moments.setdefault("detected", datetime.now(UTC))

    def _note_recovery(self, snapshot: Snapshot, at: datetime) -> None:
        """Record the first steady moment after the last heal, once it has lasted STAYS seconds."""
        if self.recovered:
            return
        if self._awaited > 0 or self._in_force():
            self._steady_since = None
            return
        last = self.moments.get("healed", self.moments["injected"])
        last = max([last, *(moment(one.injected_at) for one in self.injections.values())])
        unseen = self.experiment.outage and not self.outages
        if at < last or unseen or not is_steady(snapshot):
            self._steady_since = None
            return
        self._steady_since = self._steady_since or at
        if (at - self._steady_since).total_seconds() >= STAYS:
            self.moments["recovered"] = self._steady_since

    def _note_consistency(self, snapshot: Snapshot, at: datetime) -> None:
        """Record the first moment at which nothing waited.

        Until the recovery is certain, a message that waits again clears it.
        """
        if _nothing_waits(snapshot, self._before):
            self.moments.setdefault("consistent", at)
        elif not self.recovered:
            self.moments.pop("consistent", None)

    def _in_force(self) -> bool:
        return any(
            one.healed_at is None and (one.fault, one.target) in self._lasting
            for one in self.injections.values()
        )

    def _read(self, snapshot: Snapshot | None) -> None:
        at = told(datetime.now(UTC))
        for probe, judgement in judge_all(snapshot):
            before = self._told.get((self._when, probe))
            if before is not None and before[0] == judgement.ok:
                continue
            self._told[self._when, probe] = (judgement.ok, judgement.words)
            self.readings.append(
                ProbeReading(
                    at=at, when=self._when, probe=probe, ok=judgement.ok, words=judgement.words
                )
            )

    def _reason_to_abort(self, snapshot: Snapshot, now: float) -> str:
        limits = self.experiment.abort
        if snapshot.sagas is not None:
            open_ = snapshot.sagas.running + snapshot.sagas.compensating
            if open_ > limits.unfinished:
                return f"{open_} checkouts had not ended"
        if self._awaited > 0 or self._in_force() or self.recovered or self._settled_at is None:
            return ""
        if now - self._settled_at > limits.degraded_seconds and not is_steady(snapshot):
            bound = f"{limits.degraded_seconds:.0f} s"
            return f"the platform was not steady {bound} after the last fault"
        return ""


def moment(text: str) -> datetime:
    """Return a time of a document as an aware datetime in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def told(at: datetime) -> str:
    """Return a time in the form of documents."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _nothing_waits(now: Snapshot, before: Snapshot | None) -> bool:
    """Return whether no outbox holds an old message, and none is parked or newly dead.

    Old means above 1 s. Dead letters from before the run do not count.
    """
    for one in now.services:
        earlier = before.service(one.name) if before else None
        if one.parked or (one.outbox_age_seconds or 0.0) > 1.0:
            return False
        if (one.dead_letters or 0) > ((earlier.dead_letters or 0) if earlier else 0):
            return False
    return True
