"""The readings of each node and link from the observer's snapshot, in the words of the plan.

Every number on the plan is written as a path into the snapshot and a form:

    s/orders/outbox              a service's field            n      7
    s/orders/lease/role          … and a field of its lease   rate   3.4/s
    p/worker-orders/probe_ms     a process's field            ms     4.1 ms
    r/checkouts_per_second       a field of `rates`           s      41 s
    r/by_type/orders.….v1        … and a type's own rate      mb     58 MB
    g/running                    a field of `sagas`           pct    3 %
    j/lag_seconds                a field of `stream`          text   as it is

The browser's `architecture-reading.js` reads the same paths and writes the same forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cluster.health.observer.snapshot import OutageSpan, Process, Snapshot
from cluster.storefront.events import Mark
from portfolio.architecture.plan import Kind, Node

NO_READING: Final = "no reading"
FINE: Final = 100  # a number below it is shown with one decimal
THINNEST: Final = 1.5  # units of the plan
THICKEST: Final = 6.0
NOTHING: Final = "–"  # in place of a number that is not known


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of a node, by the shape of its mark and in words.

    `since` is when its open outage began. `part` is the part of a service that is out.
    """

    mark: Mark
    words: str
    since: str = ""
    part: str = ""

    @property
    def told(self) -> str:
        """The words in full, with the part that they describe."""
        return f"{self.part}: {self.words}" if self.part else self.words

    @property
    def out(self) -> bool:
        """Return whether it is out: the plan hatches it, and counts the seconds."""
        return self.mark is Mark.FAILED

    @property
    def duration(self) -> str:
        """The time since its outage began, in words, or an empty string while that is not known."""
        if not self.since:
            return ""
        passed = datetime.now(UTC) - datetime.fromisoformat(self.since)
        return duration(max(0.0, passed.total_seconds()))


UNREAD: Final = Reading(Mark.UNKNOWN, NO_READING)


def reading(node: Node, snapshot: Snapshot | None) -> Reading:
    """Return the state of a node, as far as the observer knows it."""
    if node.kind is Kind.BROWSER:
        return Reading(Mark.COMMITTED, "reads this page")
    if snapshot is None:
        return UNREAD
    if node.kind is Kind.SERVICE:
        return _service(node, snapshot)
    process = snapshot.process(node.name)
    return UNREAD if process is None else _process(process, outage_of(node.name, snapshot))


def outage_of(process: str, snapshot: Snapshot) -> OutageSpan | None:
    """Return the outage of this process that is not over, or None."""
    return next((span for span in snapshot.open_outages if span.process == process), None)


def _process(process: Process, outage: OutageSpan | None) -> Reading:
    """Return the state of a process: its open outage, or else the observer's verdict."""
    if outage is not None:
        return Reading(Mark.FAILED, outage.cause, outage.began)
    if process.status == "starting":
        return Reading(Mark.IN_FLIGHT, "starting")
    if process.healthy is None:
        return Reading(Mark.UNKNOWN, process.words or NO_READING)
    if process.healthy:
        return Reading(Mark.COMMITTED, "running")
    return Reading(Mark.FAILED, process.words or process.status)


def _service(node: Node, snapshot: Snapshot) -> Reading:
    """Return the state of a service, with the name of a part that is out."""
    state = snapshot.service(node.name)
    for process in snapshot.processes:
        if process.service == node.name:
            found = _process(process, outage_of(process.name, snapshot))
            if found.out:
                part = process.name.replace(f"-{node.name}", "").replace(f"{node.name}-", "")
                return Reading(Mark.FAILED, found.words, found.since, part)
    if state is None or state.healthy is None:
        return UNREAD
    if state.healthy:
        return Reading(Mark.COMMITTED, "steady")
    return Reading(Mark.FAILED, "degraded")


def value(path: str, snapshot: Snapshot | None) -> Any:
    """Return the value at a path of the snapshot, or None where there is none."""
    if snapshot is None or not path:
        return None
    where, *rest = path.split("/")
    found = _ROOTS[where](snapshot, rest)
    for name in rest:
        # The table of rates lacks a type that was not sent lately: its rate is 0.
        found = found.get(name, 0.0) if isinstance(found, dict) else getattr(found, name, None)
    return found


def shown(path: str, form: str, snapshot: Snapshot | None) -> str:
    """Return a value as the plan writes it, or a dash where there is none."""
    found = value(path, snapshot)
    return NOTHING if found is None else FORMS[form](found)


_ROOTS: Final[Mapping[str, Callable[[Snapshot, list[str]], object]]] = {
    "s": lambda snapshot, rest: snapshot.service(rest.pop(0)),
    "p": lambda snapshot, rest: snapshot.process(rest.pop(0)),
    "r": lambda snapshot, _: snapshot.rates,
    "g": lambda snapshot, _: snapshot.sagas,
    "j": lambda snapshot, _: snapshot.stream,
}


def _fine(found: float, unit: str) -> str:
    """Return a number with its unit, with one decimal below FINE and none above."""
    return f"{found:.{1 if found < FINE else 0}f}{unit}"


FORMS: Final[Mapping[str, Callable[[Any], str]]] = {
    "n": lambda found: f"{round(found):,}".replace(",", "\N{NO-BREAK SPACE}"),
    "rate": lambda found: _fine(found, "/s"),
    "ms": lambda found: _fine(found, " ms"),
    "s": lambda found: duration(found),  # noqa: PLW0108 - it stands below
    "mb": lambda found: f"{found / 1_000_000:.0f} MB",
    "pct": lambda found: f"{found:.0f} %",
    "text": str,
}


def duration(seconds: float) -> str:
    """Return a span of time in the largest readable unit: 41 s, 12 min, 3 h, 2 d."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds / 86_400)} d"


def weight(rate: float | None) -> float:
    """Return the thickness (units) of a line for messages a second: a step for every tripling."""
    thickness, left = THINNEST, rate or 0.0
    while left >= 1 and thickness < THICKEST:
        thickness, left = thickness + 0.75, left / 3
    return thickness
