"""The rules for when an outage begins and ends. Pure: no clock, and no input or output.

An outage opens when a process ends or is stopped or paused, or when it has not answered
for a while. It closes when the process runs and has given a sign of life since: that it
was started again is not enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from cluster.health.observer.snapshot import OutageSpan, ProcessStatus, iso
from cluster.health.probes.deaths import Death, cause_of

# A server that pauses for a moment under load is slow, not away.
SILENCE: Final = 2.5  # seconds from the first question without an answer
# A process that has never been healthy since the observer began may still be starting.
FIRST_LIFE: Final = 20.0  # seconds
DIED: Final = "exited"  # when only its successor was seen
SILENT: Final = "not answering"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"
RESTARTED: Final = cause_of(0)
# A cause, and the status of the process that shows a better one.
BETTER_KNOWN: Final = {(SILENT, "paused"): PAUSED, (RESTARTED, "stopped"): STOPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The state of one process as it was seen. Moments are seconds of the epoch.

    `silent_since`: the first question without an answer, None unless the fault is its own.
    `sign_of_life`: when it last showed that it does its work.
    """

    process: str
    service: str | None
    status: ProcessStatus
    healthy: bool | None
    pid: int | None = None
    started_at: float | None = None
    restarts: int = 0
    stop_signal: int | None = None
    silent_since: float | None = None
    sign_of_life: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One outage, with `ended` None while it lasts."""

    id: UUID
    process: str
    service: str | None
    cause: str
    began: float
    ended: float | None = None

    def span(self) -> OutageSpan:
        """Return the outage as snapshots show it."""
        return OutageSpan(
            id=str(self.id),
            process=self.process,
            service=self.service,
            cause=self.cause,
            began=iso(self.began),
            ended=None if self.ended is None else iso(self.ended),
            seconds=None if self.ended is None else round(self.ended - self.began, 3),
        )


@dataclass(slots=True)
class _Track:
    """The tracker's memory of one process."""

    pid: int | None = None
    restarts: int = 0
    been_well: bool = False
    first_seen: float = 0.0
    stop_signal: int | None = None
    dead_pid: int | None = None  # whose successor must come before an outage can close
    outage: Outage | None = None


@dataclass(slots=True)
class OutageTracker:
    """Turns deaths and sightings into outages."""

    new_id: Callable[[], UUID] = uuid7
    _tracks: dict[str, _Track] = field(default_factory=dict)

    def adopt(self, outage: Outage) -> float | None:
        """Continue an outage that an earlier observer opened.

        Returns its end where a later one has been opened for the process already, else None.
        """
        track = self._tracks.setdefault(outage.process, _Track(first_seen=outage.began))
        if track.outage is not None:
            return track.outage.began
        track.outage = outage
        track.been_well = True
        return None

    def catch_up(self, now: float) -> list[Outage]:
        """Let open outages begin at `now` that began later by a clock that was set back since.

        Returns those that were changed.
        """
        changed = []
        for track in self._tracks.values():
            track.first_seen = min(track.first_seen, now)
            if track.outage is not None and track.outage.began > now:
                track.outage = replace(track.outage, began=now)
                changed.append(track.outage)
        return changed

    def open_outages(self) -> list[Outage]:
        return [track.outage for track in self._tracks.values() if track.outage is not None]

    def note_death(self, death: Death, *, service: str | None) -> list[Outage]:
        """Record an end that the supervisor has announced, and return the outages it changed."""
        track = self._tracks.get(death.process)
        if track is None or not (track.been_well or track.outage):
            return []
        if track.dead_pid == death.pid and track.outage is None:
            return []  # it was seen, and it is over
        cause = cause_of(death.exit_code, stop_signal=track.stop_signal)
        known = track.outage
        if known is None:
            outage = self._opened(death.process, service, cause, death.at)
        elif known.cause == DIED and track.dead_pid == death.pid:
            outage = replace(known, cause=cause, began=min(known.began, death.at))
        elif track.dead_pid is None and known.cause in (SILENT, PAUSED):
            outage = replace(known, cause=f"{known.cause}, then {cause}")
        else:
            outage = known  # it died again before it was well
        track.outage, track.dead_pid = outage, death.pid
        return [] if outage == known else [outage]

    def see(self, sightings: Iterable[Sighting], *, now: float) -> list[Outage]:
        """Compare sightings with earlier ones, and return the outages opened, changed or closed."""
        changed = (self._see(sighting, now) for sighting in sightings)
        return [outage for outage in changed if outage is not None]

    def _see(self, seen: Sighting, now: float) -> Outage | None:
        track = self._tracks.setdefault(seen.process, _Track(first_seen=now))
        track.stop_signal = seen.stop_signal
        before = track.outage
        self._notice_successor(track, seen, now)
        if track.outage is None:
            self._notice_fault(track, seen, now)
        elif better := BETTER_KNOWN.get((track.outage.cause, seen.status)):
            track.outage = replace(track.outage, cause=better)
        closed = self._closed(track, seen)
        if closed is not None:
            return closed
        return track.outage if track.outage != before else None

    def _notice_successor(self, track: _Track, seen: Sighting, now: float) -> None:
        """Open an outage at another pid or more restarts: it has died, even if not announced."""
        if seen.pid is None:
            return
        if track.pid is not None and (seen.pid != track.pid or seen.restarts > track.restarts):
            if track.outage is None and track.dead_pid != track.pid and track.been_well:
                began = min(now, seen.started_at or now)
                track.outage = self._opened(seen.process, seen.service, DIED, began)
            if track.dead_pid != seen.pid:  # else the successor is known to be dead already
                track.dead_pid = track.pid
        track.pid, track.restarts = seen.pid, seen.restarts

    def _notice_fault(self, track: _Track, seen: Sighting, now: float) -> None:
        if not track.been_well:
            if seen.healthy:
                track.been_well = True
                return
            if now - track.first_seen < FIRST_LIFE:
                return
        fault = _fault(seen, now)
        if fault is not None:
            cause, began = fault
            track.outage = self._opened(seen.process, seen.service, cause, began)
            track.been_well = True

    def _closed(self, track: _Track, seen: Sighting) -> Outage | None:
        outage = track.outage
        if outage is None or not seen.healthy or seen.status not in ("running", "unknown"):
            return None
        if seen.sign_of_life is None or seen.sign_of_life < outage.began:
            return None
        if track.dead_pid is not None and track.dead_pid == seen.pid:
            return None  # what was seen is older than the death
        track.outage, track.been_well = None, True
        return replace(outage, ended=seen.sign_of_life)

    def _opened(self, process: str, service: str | None, cause: str, began: float) -> Outage:
        return Outage(id=self.new_id(), process=process, service=service, cause=cause, began=began)


def _fault(seen: Sighting, now: float) -> tuple[str, float] | None:
    """Return why a process counts as away and since when, or None when it does not."""
    match seen.status:
        case "stopped":
            return STOPPED, now
        case "paused":
            return PAUSED, seen.silent_since or now
        case "starting":
            return DIED, now
    if seen.silent_since is not None and now - seen.silent_since >= SILENCE:
        return SILENT, seen.silent_since
    return None
