"""The observer: probes in threads, and a tick that judges their facts.

Nothing here waits for a part of the platform: a tick reads the board, and the board is
filled by threads, each of which may hang without delaying another.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from cluster.health.observer import assemble, health
from cluster.health.observer.arrivals import Arrivals
from cluster.health.observer.board import Board
from cluster.health.observer.health import Evidence, Verdict
from cluster.health.observer.naming import expected_processes, kind_of, service_of
from cluster.health.observer.outages import DIED, Outage, OutageTracker
from cluster.health.observer.progress import Progress, with_stalls
from cluster.health.observer.repository import Store
from cluster.health.observer.snapshot import Process, Snapshot
from cluster.health.observer.watch import Standing, Watch
from cluster.health.probes import usage, web
from cluster.health.probes.broker import BrokerProbe
from cluster.health.probes.cache import CacheProbe
from cluster.health.probes.confirms import ConfirmProbe
from cluster.health.probes.database import DatabaseProbe
from cluster.health.probes.deaths import Announcements
from cluster.health.probes.probe import NothingLearnt, ProbeFailed
from cluster.health.probes.supervisor import SupervisorProbe
from cluster.health.progress import Stall
from cluster.secrets.postgres import Database
from cluster.services import load_all
from cluster.sign_of_life import SignOfLife
from compose import lock
from compose.replicas import replicas
from compose.run_directory import RunDirectory
from compose.supervisor import ProcessState, SupervisorError
from config.environment import DATABASES, run_directory

logger = logging.getLogger(__name__)

IDENTITY: Final = "observer"
SELF: Final = "observer"
RUNNER: Final = "chaos-runner"
BROKER: Final = BrokerProbe.target
REPORT_EVERY: Final = 0.25  # seconds
USAGE_EVERY: Final = 3.0  # seconds
CONFIRM_EVERY: Final = 2.0  # seconds
ANNOUNCEMENT_PATIENCE: Final = 1.0  # seconds; also how long a stop of that thread may take
SHOWN_FOR: Final = 600.0  # seconds that an outage stays in the snapshot after its end
# An observer that got no time itself, or another time, judges nothing until it has asked again.
HELD_UP: Final = 1.5  # seconds between two ticks
MOST_SHOWN: Final = 50  # ended outages in a snapshot

Earlier = tuple[list[Outage], list[Outage]]  # open ones, and those that ended lately


@dataclass(slots=True)
class Observer:
    """All parts of the observer. `wake` is called from any thread when there is news."""

    revision: str
    wake: Callable[[], None] = lambda: None
    board: Board = field(default_factory=lambda: Board(DATABASES))
    tracker: OutageTracker = field(default_factory=OutageTracker)
    store: Store = field(default_factory=lambda: Store(identity=IDENTITY))
    _watches: dict[str, Watch] = field(default_factory=dict)
    _databases: dict[str, DatabaseProbe] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _shown: deque[Outage] = field(default_factory=lambda: deque(maxlen=MOST_SHOWN))
    _signs: dict[str, float] = field(default_factory=dict)
    _broker_since: float | None = None
    _unconsumed: dict[str, float] = field(default_factory=dict)
    _running: dict[str, float] = field(default_factory=dict)  # since when, by process
    _up_since: float | None = None
    _ticked_at: float = 0.0
    _confirms: ConfirmProbe = field(default_factory=ConfirmProbe)
    _processes: list[Process] = field(default_factory=list)
    _progress: Progress = field(default_factory=Progress)
    _arrivals: Arrivals = field(default_factory=lambda: Arrivals(load_all(), replicas()))
    _stalls: list[Stall] = field(default_factory=list)
    _introduced: bool = False

    def start(self) -> None:
        """Start every thread and return at once."""
        self._up_since = _platform_started_at()
        for watch in self._made_watches():
            self._watches[watch.target] = watch
            watch.start()
        for target in (
            self._follow_reports, self._follow_deaths, self._follow_usage, self._follow_confirms
        ):  # fmt: skip
            thread = threading.Thread(target=target, name=target.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)
        self.store.start()

    def stop(self) -> None:
        """End every thread that ends, and revoke the leases of the store."""
        self._stopping.set()
        for watch in self._watches.values():
            watch.stop()
        self.store.stop()

    def tick(self, now: float) -> bool:
        """Judge everything at `now`, and return whether a state changed since the last tick."""
        passed = now - self._ticked_at if self._ticked_at else 0.0
        self._ticked_at = now
        if abs(passed) > HELD_UP:
            self._start_over(now)
            return False
        evidence = self._evidence(now)
        evidence = self._with_stalls(evidence, now)
        verdicts = [health.judge(one) for one in evidence]
        changed = self._track(evidence, verdicts, now)
        before = {process.name: (process.status, process.healthy) for process in self._processes}
        self._processes = [
            health.process(one, verdict) for one, verdict in zip(evidence, verdicts, strict=True)
        ]
        for one, verdict in zip(evidence, verdicts, strict=True):
            if verdict.sign_of_life is not None:
                self._signs[one.name] = verdict.sign_of_life
        after = {process.name: (process.status, process.healthy) for process in self._processes}
        return bool(changed) or before != after

    def snapshot(self, now: float) -> Snapshot:
        """Return the result of the last tick as a document."""
        while self._shown and (self._shown[0].ended or now) < now - SHOWN_FOR:
            self._shown.popleft()
        return assemble.snapshot(
            self.board,
            self._processes,
            [*reversed(self.tracker.open_outages()), *reversed(self._shown)],
            now=now,
            up_since=self._up_since,
            revision=self.revision,
            unconfirmed_since=self._confirms.unconfirmed_since,
            stalls=self._stalls,
            alarm=self._confirms.alarm,
        )

    def holders(self) -> dict[str, Database]:
        """Return the read-only logins of its probes, by database."""
        return {name: probe.holder for name, probe in self._databases.items()}

    def adopt(self, earlier: Earlier) -> None:
        """Continue the outages of an earlier observer. Call it in the thread of tick()."""
        still_open, over = earlier
        self._shown.extendleft(reversed(over))
        for outage in still_open:
            # A start of the platform ends the outages that were open when it was stopped.
            ended = self._up_since if outage.began < (self._up_since or 0.0) else None
            if ended is None:
                ended = self.tracker.adopt(outage)
            if ended is not None:
                self.store.save([replace(outage, ended=ended)])
        self._hurry()

    def _made_watches(self) -> Iterator[Watch]:
        services = load_all()
        for name in DATABASES:
            probe = DatabaseProbe(name, identity=IDENTITY)
            self._databases[name] = probe
            note = partial(self.board.note_depths, name)
            yield Watch(probe, on_detail=note, on_flip=self.wake)
        yield Watch(BrokerProbe(services), on_detail=self.board.note_queues, on_flip=self.wake)
        yield Watch(CacheProbe(), on_flip=self.wake)
        for make in (
            web.secrets_probe, web.site_probe, web.gateway_probe, web.provider_probe
        ):  # fmt: skip
            yield Watch(make(), on_flip=self.wake)

    def _evidence(self, now: float) -> list[Evidence]:
        report = self.board.report(now)
        states: list[tuple[str, ProcessState | None]] = (
            [(name, None) for name in expected_processes()]
            if report is None
            else [(state.name, state) for state in report]
        )
        # A platform whose servers run elsewhere does not supervise them.
        named = {name for name, _ in states}
        states += [(target, None) for target in self._watches if target not in named]
        standings = {name: watch.standing(now) for name, watch in self._watches.items()}
        if standings[BROKER].healthy is not True or self._confirms.silent(now):
            self._broker_since = None
        elif self._broker_since is None:
            self._broker_since = now
        self._note_unconsumed(now)
        self._note_running(states, now)
        for service in DATABASES:
            if standings[f"postgres-{service}"].healthy is not True:
                self.board.note_silence(service)
        return [self._evidence_of(name, state, standings.get(name), now) for name, state in states]

    def _with_stalls(self, evidence: list[Evidence], now: float) -> list[Evidence]:
        """Judge the progress of every queue, and return the evidence with the stalls found."""
        for name, facts in self.board.services.items():
            if facts.depths is not None:
                self._arrivals.note(name, facts.depths)
        self._stalls = self._progress.look(
            evidence,
            ready=self.board.ready(now),
            unapplied=self._arrivals.queues(settled=self._progress.settled),
            now=now,
        )
        for name, probe in self._databases.items():
            probe.awaited = self._arrivals.awaited(name)
        return with_stalls(evidence, self._stalls)

    def _note_unconsumed(self, now: float) -> None:
        idle = {name for name, waiting in self.board.queues(now).items() if waiting.unconsumed}
        self._unconsumed = {name: self._unconsumed.get(name, now) for name in idle}

    def _note_running(self, states: Iterable[tuple[str, ProcessState | None]], now: float) -> None:
        """Record which processes run. One that no supervisor reports counts as running."""
        self._running = {
            name: max(self._running.get(name, now), (state.started_at if state else None) or 0.0)
            for name, state in states
            if state is None or state.status == "running"
        }

    def _evidence_of(
        self, name: str, state: ProcessState | None, standing: Standing | None, now: float
    ) -> Evidence:
        service = service_of(name)
        # The runner belongs to no service, and can do nothing without the site's database.
        facts = self.board.services.get("site" if name == RUNNER else service or "")
        return Evidence(
            name=name,
            kind=kind_of(name),
            service=service,
            now=now,
            state=state,
            running_since=self._running.get(name),
            standing=standing,
            depths=facts.depths if facts else None,
            depths_since=facts.told_since if facts else None,
            broker_since=self._broker_since,
            unconsumed_since=self._unconsumed.get(service or ""),
            last_sign=self._signs.get(name),
            signed_at=SignOfLife(name).given_at() if kind_of(name) in health.SIGNING else None,
            usage=self.board.usage(state.pid if state else None),
        )

    def _track(self, evidence: list[Evidence], verdicts: list[Verdict], now: float) -> list[Outage]:
        changed = self._own_outage(evidence, now)
        for death in self.board.take_deaths():
            changed += self.tracker.note_death(death, service=service_of(death.process))
        changed += self.tracker.see(
            map(health.sighting, evidence, verdicts),
            now=now,
        )
        for outage in changed:
            if outage.ended is not None:
                self._shown.append(outage)
                logger.info("%s is back after %.1f s", outage.process, outage.ended - outage.began)
            else:
                logger.info("%s is away: %s", outage.process, outage.cause)
        if changed:
            self.store.save(changed)
            self._hurry()
        return changed

    def _start_over(self, now: float) -> None:
        """Count silence and stalls from `now` on, and date no fact later.

        Such a fact would stay fresh, and what it begins would not end, until the clock that was set
        back is there again.
        """
        self._progress.forget()
        for watch in self._watches.values():
            watch.start_over(now)
        self.board.catch_up(now)
        for since in (self._running, self._unconsumed, self._signs):
            since.update({name: min(moment, now) for name, moment in since.items()})
        if self._broker_since is not None:
            self._broker_since = min(self._broker_since, now)
        unconfirmed = self._confirms.unconfirmed_since
        if unconfirmed is not None:
            self._confirms.unconfirmed_since = min(unconfirmed, now)
        changed = self.tracker.catch_up(now)
        if changed:
            self.store.save(changed)

    def _own_outage(self, evidence: list[Evidence], now: float) -> list[Outage]:
        """Return the outage of this observer's dead predecessor, once, at the first report."""
        own = next((one.state for one in evidence if one.name == SELF), None)
        if own is None or self._introduced:
            return []
        self._introduced = True
        # It is started again at once, unless it died very young, so its start is when it died.
        if own.pid != os.getpid() or not own.restarts or own.started_at is None:
            return []
        return [
            Outage(
                id=self.tracker.new_id(),
                process=SELF,
                service=None,
                cause=DIED,
                began=own.started_at,
                ended=now,
            )
        ]

    def _hurry(self) -> None:
        """Probe more often each target that can show that an outage is over."""
        away = {outage.process for outage in self.tracker.open_outages()}
        services = {service_of(name) for name in away if kind_of(name) in ("worker", "relay")}
        for name, watch in self._watches.items():
            of_service = name.removeprefix("postgres-")
            wanted = of_service in services
            if of_service in self._databases:
                self._databases[of_service].hurried = wanted or name in away
            watch.hurry(wanted or name in away)

    def _follow_reports(self) -> None:
        probe = SupervisorProbe()
        while not self._stopping.wait(REPORT_EVERY):
            try:
                self.board.note_report(probe.ask())
            except SupervisorError as error:
                if self.board.report(time.time()) is not None:
                    logger.warning("no report: %s", error)
                self._stopping.wait(REPORT_EVERY)
            except Exception:
                logger.exception("the supervisor's report stumbled")
                probe.close()
        probe.close()

    def _follow_deaths(self) -> None:
        announcements = Announcements()
        while not self._stopping.is_set():
            try:
                deaths = announcements.wait(ANNOUNCEMENT_PATIENCE)
            except Exception:
                logger.exception("the supervisor's announcements stumbled")
                announcements.close()
                deaths = []
            if deaths and not self._stopping.is_set():
                self.board.note_deaths(deaths)
                self.wake()
            elif not announcements.subscribed:
                self._stopping.wait(ANNOUNCEMENT_PATIENCE)
        announcements.close()

    def _follow_confirms(self) -> None:
        while not self._stopping.wait(CONFIRM_EVERY):
            try:
                self._confirms.ask()
            except (ProbeFailed, NothingLearnt) as error:
                logger.debug("no confirm: %s", error)
            except Exception:
                logger.exception("the probe of confirms stumbled")
                self._confirms.close()

    def _follow_usage(self) -> None:
        scan = usage.UsageScan()
        while not self._stopping.is_set():
            report = self.board.report(time.time())
            pids = [state.pid for state in report or () if state.pid is not None]
            if pids:
                self.board.note_usage(scan.scan(pids))
            self._stopping.wait(USAGE_EVERY)


def _platform_started_at() -> float | None:
    """Return when the supervisor of this run directory started, or this process without one."""
    facts = lock.holder(RunDirectory(run_directory()).lock_file) or {}
    supervisor = facts.get("supervisor")
    if not isinstance(supervisor, int):
        return usage.started_at(os.getpid())
    return usage.started_at(supervisor)
