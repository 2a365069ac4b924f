"""The snapshot, made from the board and the judgement of each process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from cluster.health.armed_faults import ArmedFaults
from cluster.health.observer.board import Board
from cluster.health.observer.health import is_fresh
from cluster.health.observer.outages import Outage
from cluster.health.observer.snapshot import (
    Backups,
    Lease,
    Link,
    Process,
    Rates,
    Sagas,
    ServiceState,
    Snapshot,
    State,
    Stream,
    iso,
)
from cluster.health.probes.database import Depths
from cluster.health.progress import (
    Stall,
    Stalled,
    broker_trouble,
    outbox_troubles,
    queue_trouble,
    unreadable_words,
)
from cluster.health.running_experiment import read_running
from cluster.storefront.events import CODES
from compose.backups.status import backup_status, backup_troubles, since

APPLIED_WINDOW: Final = 10.0  # seconds, over which the databases count
ENDS: Final = ("checkout.checkout_completed.v1", "checkout.checkout_compensated.v1")
BROKER: Final = "rabbitmq"


def snapshot(
    board: Board,
    processes: Sequence[Process],
    outages: Sequence[Outage],
    *,
    now: float,
    up_since: float | None,
    revision: str,
    unconfirmed_since: float | None = None,
    stalls: Sequence[Stall] = (),
    alarm: str | None = None,
) -> Snapshot:
    """Return all that is known at `now` (seconds of the epoch)."""
    told = [stall.told(now) for stall in stalls]
    services = [_service(board, name, processes, told, now) for name in board.services]
    site, checkout = _depths(board, "site", now), _depths(board, "checkout", now)
    unreadable = site.unreadable if site else ""
    troubles = [
        *_troubles(board, processes, outages, now),
        *_waiting(board, services, now),
        *([broker_trouble(alarm)] if alarm is not None else []),
        *([unreadable_words(unreadable)] if unreadable else []),
    ]
    state = _state(processes, troubles)
    return Snapshot(
        at=iso(now),
        state=state,
        words=_words(state, processes, troubles),
        troubles=troubles,
        processes=list(processes),
        services=services,
        sagas=_sagas(checkout.sagas) if checkout else None,
        stream=_stream(site.stream) if site else None,
        rates=_rates(board) if site else None,
        links=[*_links(services)],
        outages=[outage.span() for outage in outages],
        up_since=None if up_since is None else iso(up_since),
        revision=revision,
        experiment=read_running(),
        faults=ArmedFaults().all(),
        unconfirmed_seconds=(
            None if unconfirmed_since is None else round(max(0.0, now - unconfirmed_since), 1)
        ),
        stalls=told,
        broker_alarm=alarm,
        unreadable=unreadable,
        backups=_backups(now),
    )


def _backups(now: float) -> Backups | None:
    """Return the backups, which leave the state as it is: every process does its work without."""
    status = backup_status()
    if status is None:
        return None
    moment = datetime.fromtimestamp(now, UTC)
    ages = [since(one, moment) for one in (status.ended, status.archived)]
    age, archived = (None if one is None else round(one.total_seconds(), 1) for one in ages)
    return Backups(
        age_seconds=age,
        archived_seconds=archived,
        verified=status.verified is not None,
        troubles=[trouble.words for trouble in backup_troubles(status)],
    )


def _service(
    board: Board, name: str, processes: Sequence[Process], stalls: Sequence[Stalled], now: float
) -> ServiceState:
    depths, waiting = _depths(board, name, now), board.queues(now).get(name)
    shown = ServiceState(
        name=name,
        code=CODES[name],
        healthy=_all_healthy([one for one in processes if one.service == name]),
        queue_depth=waiting.depth if waiting else None,
        queue_consumers=waiting.consumers if waiting else None,
    )
    if depths is None:
        return shown
    return replace(
        shown,
        outbox=depths.outbox,
        outbox_age_seconds=None if depths.outbox_age is None else round(depths.outbox_age, 2),
        parked=depths.parked,
        dead_letters=depths.dead_letters_waiting,
        deduplicated=depths.deduplicated,
        published_per_second=board.published_per_second(name),
        consumed_per_second=_consumed(board, name, depths),
        lease=_lease(name, depths, now),
        stalled_seconds=max((one.seconds for one in stalls if one.service == name), default=0.0),
    )


def _consumed(board: Board, name: str, depths: Depths) -> float | None:
    """Return messages a second that its inbox applies, or, for the site, its journal records."""
    if name != "site":
        return round(depths.applied_lately / APPLIED_WINDOW, 2)
    journalled = board.journal_rates()
    return None if journalled is None else round(sum(journalled.values()), 2)


def _all_healthy(processes: Sequence[Process]) -> bool | None:
    verdicts = {process.healthy for process in processes}
    if False in verdicts:
        return False
    return None if None in verdicts or not verdicts else True


def _lease(name: str, depths: Depths, now: float) -> Lease | None:
    """Return the newest lease of the service itself, one with open sessions first."""
    own = [lease for lease in depths.leases if lease.member_of == f"{name}_service"]
    if not own:
        return None
    newest = max(own, key=lambda lease: (lease.sessions > 0, lease.remaining))
    return Lease(
        role=newest.role,
        remaining_seconds=round(newest.remaining - (now - depths.at), 1),
        sessions=newest.sessions,
    )


def _sagas(counts: Mapping[str, int] | None) -> Sagas | None:
    if counts is None:
        return None
    states = ("running", "compensating", "completed", "compensated")
    return Sagas(**{state: counts.get(state, 0) for state in states})


def _stream(told: Mapping[str, float | None] | None) -> Stream | None:
    if told is None:
        return None
    lag = told["lag"]
    return Stream(
        seq=int(told["seq"] or 0),
        lag_seconds=None if lag is None else round(lag, 3),
        open_checkouts=_whole(told["unfinished_checkouts"]),
        checkout_limit=_whole(told["checkout_limit"]),
        refused_checkouts=_whole(told["refused_checkouts"]),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _rates(board: Board) -> Rates | None:
    found = board.journal_rates()
    if found is None:
        return None
    return Rates(
        messages_per_second=round(sum(found.values()), 2),
        checkouts_per_second=round(sum(found.get(end, 0.0) for end in ENDS), 2),
        by_type={type_: round(rate, 2) for type_, rate in sorted(found.items())},
    )


def _links(services: Sequence[ServiceState]) -> Iterator[Link]:
    for service in services:
        yield Link(source=service.name, target=BROKER, per_second=service.published_per_second)
        yield Link(source=BROKER, target=service.name, per_second=service.consumed_per_second)


def _troubles(
    board: Board, processes: Sequence[Process], outages: Sequence[Outage], now: float
) -> Iterator[str]:
    """Yield a sentence for each process that is unhealthy or has an open outage."""
    if board.report(now) is None:
        yield "The supervisor does not answer."
    away = {outage.process: outage for outage in outages if outage.ended is None}
    for process in processes:
        if process.healthy is False:
            yield f"{process.name}: {process.words}"
        elif process.name in away:
            yield f"{process.name}: {away[process.name].cause}, and not well again yet."


def _waiting(board: Board, services: Sequence[ServiceState], now: float) -> Iterator[str]:
    """Yield a sentence for each queue that is missing or not consumed, and each overdue outbox."""
    for service in services:
        yield from outbox_troubles(service.name, service.outbox_age_seconds)
    for waiting in board.queues(now).values():
        yield from (queue_trouble(queue, exists=False) for queue in waiting.missing)
        yield from (queue_trouble(queue, exists=True) for queue in waiting.unconsumed)


def _state(processes: Sequence[Process], troubles: Sequence[str]) -> State:
    if all(process.healthy is None for process in processes):
        return "unknown"
    if troubles:
        return "degraded"
    return "steady" if all(process.healthy for process in processes) else "unknown"


def _words(state: State, processes: Sequence[Process], troubles: Sequence[str]) -> str:
    if troubles:
        more = len(troubles) - 1
        return troubles[0] + (f" And {more} more." if more else "")
    if state == "unknown":
        unsure = [process.name for process in processes if process.healthy is None]
        return f"Nothing is known yet of {', '.join(unsure[:3])}{_and_others(len(unsure) - 3)}."
    return f"{len(processes)} of {len(processes)} processes healthy."


def _and_others(count: int) -> str:
    return f" and {count} others" if count > 0 else ""


def _depths(board: Board, name: str, now: float) -> Depths | None:
    depths = board.services[name].depths
    return depths if depths is not None and is_fresh(depths, now) else None
