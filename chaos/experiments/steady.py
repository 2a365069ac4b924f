"""The steady state, judged from a snapshot of the observer, always by the same functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cluster.health.observer.snapshot import Snapshot

COMPLETED: Final = "checkout.checkout_completed.v1"
LONGEST_WAIT: Final = 10.0  # seconds: a relay drains within milliseconds
LONGEST_LAG: Final = 5.0  # seconds from a message to its entry in the journal
# A snapshot may look steady before a failure is detected, so the state must last.
STAYS: Final = 2.5  # seconds; heartbeats come every two


@dataclass(frozen=True, slots=True)
class Judgement:
    """One probe's answer, with the reason in `words`."""

    ok: bool
    words: str


Judge = Callable[[Snapshot], Judgement]


def every_process_works(snapshot: Snapshot) -> Judgement:
    at_fault = [process for process in snapshot.processes if process.healthy is False]
    away = {outage.process for outage in snapshot.open_outages} - {one.name for one in at_fault}
    unsure = [process.name for process in snapshot.processes if process.healthy is None]
    names = [*(process.name for process in at_fault), *sorted(away)]
    if names:
        return Judgement(False, f"At fault: {_listed(names)}.")
    if unsure:
        return Judgement(False, f"Not known: {_listed(unsure)}.")
    count = len(snapshot.processes)
    return Judgement(True, f"{count} of {count} processes healthy.")


def every_queue_is_consumed(snapshot: Snapshot) -> Judgement:
    unknown = [one.name for one in snapshot.services if one.queue_consumers is None]
    if unknown:
        return Judgement(False, f"Not known: the queues of {_listed(unknown)}.")
    unconsumed = [one.name for one in snapshot.services if not one.queue_consumers]
    if unconsumed:
        return Judgement(False, f"Nobody consumes the queues of {_listed(unconsumed)}.")
    return Judgement(True, "Every queue has its consumer.")


def outboxes_drain(snapshot: Snapshot) -> Judgement:
    unknown = [one.name for one in snapshot.services if one.outbox is None]
    if unknown:
        return Judgement(False, f"Not known: the outboxes of {_listed(unknown)}.")
    waiting = [
        f"{one.name} for {one.outbox_age_seconds:.0f} s"
        for one in snapshot.services
        if one.outbox_age_seconds is not None and one.outbox_age_seconds > LONGEST_WAIT
    ]
    if waiting:
        return Judgement(False, f"Outboxes wait: {_listed(waiting)}.")
    return Judgement(True, "No message waits long in an outbox.")


def checkouts_complete(snapshot: Snapshot) -> Judgement:
    """Judge whether a checkout completed in the last ten seconds, or none was in flight."""
    if snapshot.rates is None or snapshot.sagas is None:
        return Judgement(False, "Not known: the journal cannot be read.")
    rate = snapshot.rates.by_type.get(COMPLETED, 0.0)
    if rate > 0:
        return Judgement(True, f"{rate:.1f} checkouts complete each second.")
    open_ = snapshot.sagas.running + snapshot.sagas.compensating
    if open_:
        return Judgement(False, f"None has completed for ten seconds, and {open_} are in flight.")
    return Judgement(True, "No checkout is in flight.")


def stream_moves(snapshot: Snapshot) -> Judgement:
    """Judge whether the journal, which is the public stream, keeps up with the messages."""
    if snapshot.stream is None or snapshot.rates is None:
        return Judgement(False, "Not known: the journal cannot be read.")
    site = snapshot.service("site")
    waiting = (site.queue_depth or 0) if site else 0
    if not snapshot.rates.messages_per_second and waiting:
        return Judgement(False, f"{waiting} messages wait to be journalled.")
    lag = snapshot.stream.lag_seconds
    if lag is not None and lag > LONGEST_LAG:
        return Judgement(False, f"The journal is {lag:.1f} s behind.")
    return Judgement(True, f"The journal has reached {snapshot.stream.seq}.")


STEADY_STATE: Final[Mapping[str, Judge]] = MappingProxyType(
    {
        "every process works": every_process_works,
        "every queue is consumed": every_queue_is_consumed,
        "outboxes drain": outboxes_drain,
        "checkouts complete": checkouts_complete,
        "the stream moves": stream_moves,
    }
)
ABSENT: Final = Judgement(False, "No answer from the observer.")


def judge_all(snapshot: Snapshot | None) -> Iterator[tuple[str, Judgement]]:
    """Yield every probe's name and answer."""
    for name, judge in STEADY_STATE.items():
        yield name, ABSENT if snapshot is None else judge(snapshot)


def is_steady(snapshot: Snapshot) -> bool:
    """Return whether the observer reports a steady state and no open outage."""
    return snapshot.state == "steady" and not snapshot.open_outages


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown  # noqa: PLR2004
