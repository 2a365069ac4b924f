"""The state of the whole cluster, asked of all parts at once.

A part that is down gives the reason.
"""

from __future__ import annotations

import http.client
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from cluster.health.probes.broker import QueueDepth
from cluster.health.progress import (
    SILENT_AFTER,
    Claim,
    QueueLook,
    Stalled,
    broker_trouble,
    claims_of,
    outbox_troubles,
    queue_trouble,
    stall_of,
    unreadable_words,
)
from cluster.health.vitals import Vitals, read_vitals
from cluster.messaging.service import Service
from cluster.messaging.topology import queues
from cluster.operations.errors import reason
from cluster.operations.provider_keys import rotations
from cluster.operations.queues import broker_connection, queue_depths
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import Rotations
from compose.backups.status import BackupStatus, backup_status, backup_troubles
from compose.replicas import replicas, worker_names
from compose.supervisor import ProcessState, Supervisor
from config.environment import DATABASES, observer_url

T = TypeVar("T")

PATIENCE: Final = 12.0  # seconds for the slowest part
EXPIRED_FOR: Final = 30.0  # seconds; Vault drops a role within a few seconds of its end

OBSERVER_PATIENCE: Final = 3.0  # seconds for its answer, which it has ready


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The answer of a part, or the reason why it gave none."""

    value: T | None
    unreachable: str = ""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The answers of all parts, and the deviations from the normal state, in sentences."""

    processes: Part[list[ProcessState]]
    queues: Part[list[QueueDepth]]
    databases: Mapping[str, Part[Vitals]]
    troubles: tuple[str, ...]
    observed: Part[Observed] = Part(None)
    provider_keys: Part[dict[KeyKind, Rotations]] = Part(None)
    backups: BackupStatus | None = None

    @property
    def healthy(self) -> bool:
        return not self.troubles

    @property
    def absent(self) -> bool:
        """Return whether no part has answered, so that there is no platform."""
        parts: list[Part[Any]] = [self.processes, self.queues, *self.databases.values()]
        return all(part.value is None for part in parts)

    def as_json(self) -> dict[str, Any]:
        return {
            "healthy": self.healthy,
            "troubles": list(self.troubles),
            "processes": _json(self.processes, lambda all_: [_process(one) for one in all_]),
            "queues": _json(self.queues, lambda all_: [asdict(one) for one in all_]),
            "databases": {name: _json(part, _vitals) for name, part in self.databases.items()},
            "stalls": [msgspec.to_builtins(stall) for stall in stalls(self)],
            "backups": msgspec.to_builtins(self.backups),
            "broker_alarm": self.observed.value.broker_alarm if self.observed.value else None,
            "provider_keys": _json(self.provider_keys, _rotations),
            "sagas": self._of("checkout", lambda vitals: vitals.sagas),
            "stream": self._of("site", lambda vitals: vitals.stream),
            "dead_letters": {
                name: part.value.dead_letters_waiting if part.value else None
                for name, part in self.databases.items()
            },
        }

    def _of(self, name: str, pick: Callable[[Vitals], Any]) -> Any:
        vitals = self.databases[name].value
        return pick(vitals) if vitals else None


def read_status(services: Sequence[Service]) -> ClusterStatus:
    """Ask the supervisor, the broker and every database.

    Waits PATIENCE seconds at most for each answer.
    """
    pool = ThreadPoolExecutor(max_workers=len(DATABASES) + 4)
    asked_processes = pool.submit(lambda: Supervisor.connect().processes())
    asked_queues = pool.submit(_queues, services)
    asked_observer = pool.submit(read_observed)
    asked_keys = pool.submit(rotations)
    asked = {name: pool.submit(read_vitals, name) for name in DATABASES}
    processes, queues = _answer(asked_processes), _answer(asked_queues)
    databases = {name: _answer(future) for name, future in asked.items()}
    observed, keys = _answer(asked_observer), _answer(asked_keys)
    pool.shutdown(wait=False, cancel_futures=True)
    found = ClusterStatus(processes, queues, databases, (), observed, keys, backup_status())
    return replace(found, troubles=tuple(troubles(found, services)))


def troubles(status: ClusterStatus, services: Sequence[Service]) -> Iterator[str]:
    """Yield the deviations from the normal state, in sentences."""
    yield from _process_troubles(status.processes)
    yield from _queue_troubles(status.queues, services)
    yield from (stall.words for stall in stalls(status))
    if status.observed.value and status.observed.value.broker_alarm is not None:
        yield broker_trouble(status.observed.value.broker_alarm)
    elif status.observed.unreachable:
        yield f"The observer is unreachable: {status.observed.unreachable}"
    for name, part in status.databases.items():
        if part.value is None:
            yield f"The database of {name} is unreachable: {part.unreachable}"
        else:
            yield from _database_troubles(name, part.value)
    yield from map(str, backup_troubles(status.backups))


def stalls(status: ClusterStatus) -> list[Stalled]:
    """Return the stalled queues: as the observer has them, or else as the workers report them.

    A single poll cannot find how long a message has waited at the broker, and the observer can.
    """
    if status.observed.value is not None:
        return status.observed.value.stalls
    now = time.time()
    claims: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for service, part in status.databases.items():
        for beat in part.value.heartbeats if part.value else ():
            for claim in claims_of(beat, told_at=now - beat.age, now=now):
                claims[service, claim.queue].append(claim)
    found = (
        stall_of(QueueLook(queue=queue, service=service, waiting=False, claims=told))
        for (service, queue), told in claims.items()
    )
    return [stall.told(now) for stall in found if stall is not None]


def _process_troubles(part: Part[list[ProcessState]]) -> Iterator[str]:
    if part.value is None:
        yield f"The supervisor is unreachable: {part.unreachable}"
    for process in part.value or ():
        if process.status != "running":
            yield f"The process {process.name} is {process.status}."


def _queue_troubles(part: Part[list[QueueDepth]], services: Sequence[Service]) -> Iterator[str]:
    if part.value is None:
        yield f"The broker is unreachable: {part.unreachable}"
        return
    depths = {queue.name: queue for queue in part.value}
    workers = replicas()
    for service in services:
        for name in queues(service, workers[service.name]):
            if name not in depths or not depths[name].consumers:
                yield queue_trouble(name, exists=name in depths)


def _database_troubles(name: str, vitals: Vitals) -> Iterator[str]:
    if vitals.unreadable:
        yield unreadable_words(vitals.unreadable)
    yield from outbox_troubles(name, vitals.outbox_age)
    beating = {beat.process for beat in vitals.heartbeats}
    for worker in worker_names(name):
        if worker not in beating:
            yield f"{worker} has sent no heartbeat."
    for beat in vitals.heartbeats:
        if beat.age > SILENT_AFTER:
            yield f"{beat.process}: last heartbeat {beat.age:.0f} s ago."
        elif not beat.consuming:
            yield f"{beat.process} lives, but does not receive from its queue."
    for lease in vitals.leases:
        if lease.remaining < -EXPIRED_FOR:
            yield f"The role {lease.role} of {name} should have gone {-lease.remaining:.0f} s ago."


def _queues(services: Sequence[Service]) -> list[QueueDepth]:
    with broker_connection() as connection:
        return queue_depths(connection, services)


def _answer(future: Future[T]) -> Part[T]:
    try:
        return Part(future.result(timeout=PATIENCE))
    except Exception as error:  # noqa: BLE001 - any failure of a part is its state
        in_time = future.done()
        return Part(None, reason(error) if in_time else f"no answer within {PATIENCE:.0f} s")


def _json(part: Part[T], render: Callable[[T], Any]) -> Any:
    return {"unreachable": part.unreachable} if part.value is None else render(part.value)


def _rotations(found: dict[KeyKind, Rotations]) -> dict[str, Any]:
    return {
        kind.slug: {
            "rotated_at": one.since.isoformat() if one.since else None,
            "wanted": one.is_wanted,
        }
        for kind, one in found.items()
    }


def _process(process: ProcessState) -> dict[str, Any]:
    return {
        "name": process.name,
        "pid": process.pid,
        "status": process.status,
        "age": process.age,
        "restarts": process.restarts,
    }


def _vitals(vitals: Vitals) -> dict[str, Any]:
    found = asdict(vitals)
    del found["sagas"], found["stream"]  # they have keys of their own in the document
    return found


class ObserverAway(Exception):
    """The observer did not answer, or not with a snapshot, for the reason in the message."""


class Observed(Struct, frozen=True, kw_only=True):
    """The part of the observer's snapshot that a single poll cannot find."""

    stalls: list[Stalled] = []
    broker_alarm: str | None = None


def read_observed() -> Observed:
    """Ask the observer once.

    Raises ObserverAway or MissingSetting.
    """
    address = urlsplit(observer_url())
    connection = http.client.HTTPConnection(
        address.hostname or "127.0.0.1", address.port, timeout=OBSERVER_PATIENCE
    )
    try:
        connection.request("GET", "/snapshot")
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise ObserverAway(f"it answers with {answer.status}")
        return msgspec.json.decode(answer.read(), type=Observed)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        raise ObserverAway(str(error) or type(error).__name__) from error
    finally:
        connection.close()
