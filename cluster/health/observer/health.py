"""The verdict on a process, judged from the supervisor, its probe and its heartbeat. Pure.

A process is healthy when it does its work. It is *at fault* when it does not answer itself;
one that only waits for its database or its broker is neither healthy nor at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cluster.health.observer.outages import Sighting
from cluster.health.observer.snapshot import Kind, Process, ProcessStatus
from cluster.health.observer.watch import Standing
from cluster.health.probes.database import Depths
from cluster.health.probes.usage import Usage
from cluster.health.progress import SILENT_AFTER, Stall
from compose.supervisor import ProcessState

# A worker whose connection was cut consumes again within a second or two.
UNCONSUMED_LATE: Final = 4.0  # seconds
# The facts of a database are of use for so long. The deeper query runs every 2.5 s.
DEPTHS_FRESH: Final = 5.0  # seconds
# A relay takes the lock within milliseconds of its start, or of its predecessor's end.
RELAY_LATE: Final = 6.0  # seconds
# A sign of life is given every second at the latest.
SIGN_LATE: Final = 4.0  # seconds
# Kinds whose signs of life are files, and the parts without which they cannot give one.
SIGNING: Final[Mapping[Kind, tuple[str, ...]]] = {
    "beat": ("broker",),
    "runner": ("database",),
    "watchdog": (),
}

STATUSES: Final[Mapping[str, ProcessStatus]] = {
    "running": "running",
    "paused": "paused",
    "waiting": "starting",
    "starting": "starting",
    "stopping": "stopped",
    "stopped": "stopped",
}
NOT_RUNNING: Final = {
    "stopped": "It was stopped through the supervisor.",
    "starting": "It has ended; the supervisor starts it again in a moment.",
    "paused": "It exists and gets no time: somebody has sent it SIGSTOP.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that may be known about one process at `now` (seconds of the epoch)."""

    name: str
    kind: Kind
    service: str | None
    now: float
    state: ProcessState | None = None
    running_since: float | None = None  # since when it has run without a pause; None: it does not
    standing: Standing | None = None  # of its probe, where it has one
    depths: Depths | None = None  # of its service's database
    depths_since: float | None = None  # since when that database has answered without a break
    broker_since: float | None = None  # since when it has answered and confirmed without a break
    # Since when the broker has reported without a break that a queue has no consumer.
    unconsumed_since: float | None = None
    last_sign: float | None = None  # the sign of life of its last verdict
    signed_at: float | None = None  # when it last gave the sign of life that is a file
    stall: Stall | None = None  # the queue that this worker should move
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The health of a process. `at_fault_since` is set only when the silence is its own fault."""

    healthy: bool | None
    words: str
    sign_of_life: float | None = None
    at_fault_since: float | None = None


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict on the process."""
    status = _status(evidence)
    if status in NOT_RUNNING:
        return Verdict(healthy=False, words=NOT_RUNNING[status])
    if evidence.kind == "worker":
        return _judge_worker(evidence)
    if evidence.kind == "relay":
        return _judge_relay(evidence)
    if evidence.standing is not None:
        return _judge_slow(evidence, evidence.standing) or _judge_probed(evidence.standing)
    if evidence.kind in SIGNING and (evidence.state or evidence.signed_at):
        return _judge_signing(evidence)
    if evidence.kind == "observer":
        return Verdict(healthy=True, words="It is telling this.", sign_of_life=evidence.now)
    if evidence.state is None:
        return Verdict(healthy=None, words="Nobody can say: it has no probe and no supervisor.")
    return Verdict(healthy=True, words="It runs; it has no probe.", sign_of_life=evidence.now)


def sighting(evidence: Evidence, verdict: Verdict) -> Sighting:
    """Return the process as the outage tracker sees it."""
    state = evidence.state
    return Sighting(
        process=evidence.name,
        service=evidence.service,
        status=_status(evidence),
        healthy=verdict.healthy,
        pid=state.pid if state else None,
        started_at=state.started_at if state else None,
        restarts=state.restarts if state else 0,
        stop_signal=int(state.stop_signal) if state else None,
        silent_since=verdict.at_fault_since,
        sign_of_life=verdict.sign_of_life,
    )


def process(evidence: Evidence, verdict: Verdict) -> Process:
    """Return the process as the snapshot shows it."""
    state, usage, standing = evidence.state, evidence.usage, evidence.standing
    return Process(
        name=evidence.name,
        kind=evidence.kind,
        service=evidence.service,
        status=_status(evidence),
        healthy=verdict.healthy,
        words=verdict.words,
        pid=state.pid if state else None,
        age_seconds=round(state.age, 1) if state and state.age is not None else None,
        restarts=state.restarts if state else 0,
        consuming=_consumes(evidence),
        probe_ms=round(standing.milliseconds, 2)
        if standing and standing.healthy and standing.milliseconds is not None
        else None,
        cpu_percent=usage.cpu_percent if usage else None,
        memory_bytes=usage.memory_bytes if usage else None,
    )


def _consumes(evidence: Evidence) -> bool | None:
    """Return whether a worker consumes, by its heartbeat and the broker, or None if unknown."""
    depths = _fresh(evidence) if evidence.kind == "worker" else None
    beat = (
        next((b for b in depths.heartbeats if b.process == evidence.name), None) if depths else None
    )
    if beat is None:
        return None
    return beat.consuming and _idle_since(evidence) is None


def _status(evidence: Evidence) -> ProcessStatus:
    if evidence.state is None:
        return "unknown"
    return STATUSES.get(evidence.state.status, "unknown")


def _judge_slow(evidence: Evidence, standing: Standing) -> Verdict | None:
    """Return a verdict on a process whose probe times out: slow, or silent after SILENT_AFTER."""
    failing_since, answered_at = standing.failing_since, standing.answered_at
    if not standing.timed_out or failing_since is None or _status(evidence) != "running":
        return None
    if answered_at is None or answered_at < _started_at(evidence):
        return None  # it has not answered since it was started
    # Silence counts from when it last ran: a process that was paused could not answer.
    silent_since = max(failing_since, evidence.running_since or 0.0)
    waited = evidence.now - silent_since
    slow = waited <= SILENT_AFTER
    unanswered = f"no answer to a health check for {waited:.1f} s"
    return Verdict(
        healthy=slow,
        words=f"It is slow: {unanswered}." if slow else f"It runs and is silent: {unanswered}.",
        sign_of_life=answered_at if slow else None,
        at_fault_since=None if slow else silent_since,
    )


def _judge_probed(standing: Standing) -> Verdict:
    match standing.healthy:
        case True:
            return Verdict(
                healthy=True,
                words=f"It answers in {standing.milliseconds or 0:.1f} ms.",
                sign_of_life=standing.answered_at,
            )
        case False:
            return Verdict(
                healthy=False,
                words=_sentence(standing.words),
                at_fault_since=None if standing.unwell else standing.failing_since,
            )
    return Verdict(healthy=None, words=_sentence(standing.words or "it has not been asked yet"))


def _judge_worker(evidence: Evidence) -> Verdict:
    depths = _fresh(evidence)
    if depths is None:
        return Verdict(healthy=None, words="Its heartbeat is in a database that cannot be read.")
    beat = next((beat for beat in depths.heartbeats if beat.process == evidence.name), None)
    started = _started_at(evidence)
    if beat is None:
        return Verdict(healthy=None, words="No heartbeat yet.")
    beat_at = depths.at - beat.age
    if beat_at > evidence.now + SILENT_AFTER:
        return Verdict(healthy=None, words="Its last heartbeat is of a clock that was set back.")
    if beat_at < started:
        if evidence.now - started <= SILENT_AFTER:
            return Verdict(healthy=None, words="It has started and sent no heartbeat yet.")
        return _silent_worker(evidence, started)
    if evidence.now - beat_at > SILENT_AFTER:
        return _silent_worker(evidence, beat_at)
    if not beat.consuming:
        return Verdict(
            healthy=False,
            words="It lives, and does not receive from its queue.",
        )
    idle_since = _idle_since(evidence)
    if idle_since is not None:
        return Verdict(
            healthy=False,
            words="It believes that it receives, and the broker knows no consumer of its queue.",
            at_fault_since=idle_since,
        )
    if evidence.stall is not None:
        return Verdict(healthy=False, words=evidence.stall.words(evidence.now))
    return Verdict(
        healthy=True,
        words=f"It consumes from its queue; last heartbeat {evidence.now - beat_at:.1f} s ago.",
        sign_of_life=beat_at,
    )


def _silent_worker(evidence: Evidence, last: float) -> Verdict:
    """Return a verdict on a worker without a heartbeat, at fault unless it could not send one."""
    # A worker cannot send a heartbeat while its database is away, and does not while it
    # reconnects to its broker. After either it needs a moment.
    able_since = max(evidence.depths_since or evidence.now, evidence.broker_since or evidence.now)
    words = f"Last heartbeat {evidence.now - last:.0f} s ago."
    return _silence(evidence, last, able_since, SILENT_AFTER, words)


def _silence(
    evidence: Evidence, last: float, able_since: float, patience: float, words: str
) -> Verdict:
    """Return a verdict on a silent process, at fault unless it could not speak for `patience` s.

    `last`: its last sign of life. `able_since`: since when it has had all that it needs for one.
    """
    own = evidence.now - max(last, able_since) > patience
    return Verdict(
        healthy=False if own else None, words=words, at_fault_since=last if own else None
    )


def _idle_since(evidence: Evidence) -> float | None:
    """Return since when the broker has had no consumer for a connected worker's queue, or None."""
    since, broker = evidence.unconsumed_since, evidence.broker_since
    if since is None or broker is None:
        return None
    since = max(since, broker, _started_at(evidence))
    return since if evidence.now - since > UNCONSUMED_LATE else None


def _judge_relay(evidence: Evidence) -> Verdict:
    depths = _fresh(evidence)
    if depths is None:
        return Verdict(healthy=None, words="The lock it works under is in an unreadable database.")
    started = _started_at(evidence)
    if depths.at < started:
        return Verdict(healthy=None, words="It has just started.")
    if evidence.name in depths.relays:
        return Verdict(
            healthy=True,
            words="It holds the lock of its outbox.",
            sign_of_life=depths.at,
        )
    held = evidence.last_sign
    if held is not None and held >= started and evidence.now - held <= RELAY_LATE:
        # Between two logins it has no lock for a moment.
        return Verdict(healthy=True, words="It held the lock of its outbox.", sign_of_life=held)
    last = max(started, held or 0.0, evidence.depths_since or evidence.now)
    if evidence.now - last <= RELAY_LATE:
        return Verdict(healthy=None, words="It is about to take the lock of its outbox.")
    return Verdict(
        healthy=False, words="It does not hold the lock of its outbox.", at_fault_since=last
    )


def _judge_signing(evidence: Evidence) -> Verdict:
    started = _started_at(evidence)
    signed = evidence.signed_at or 0.0
    if signed > evidence.now + SIGN_LATE:  # given before the clock was set back, and never since
        signed = 0.0
    age = evidence.now - signed
    if signed >= started and age <= SIGN_LATE:
        words = f"It is at work; its last sign of life was {max(0.0, age):.1f} s ago."
        return Verdict(healthy=True, words=words, sign_of_life=signed)
    last = max(signed, started)
    if evidence.now - last <= SIGN_LATE:
        return Verdict(healthy=None, words="It has started and given no sign of life yet.")
    needs = {"broker": evidence.broker_since, "database": evidence.depths_since}
    able_since = max((needs[one] or evidence.now for one in SIGNING[evidence.kind]), default=0.0)
    words = f"It has given no sign of life for {evidence.now - last:.0f} s."
    return _silence(evidence, last, able_since, SIGN_LATE, words)


def is_fresh(depths: Depths, now: float) -> bool:
    """Return whether the facts of a database are still of use."""
    return now - depths.at <= DEPTHS_FRESH


def _fresh(evidence: Evidence) -> Depths | None:
    depths = evidence.depths
    return depths if depths is not None and is_fresh(depths, evidence.now) else None


def _started_at(evidence: Evidence) -> float:
    return (evidence.state.started_at if evidence.state else None) or 0.0


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"
