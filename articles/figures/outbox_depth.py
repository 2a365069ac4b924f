"""`outbox-depth`: the messages that wait in each service's outbox, now and in the last minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from articles.figures import sparkline
from articles.figures.fill import absence
from articles.figures.registry import Options
from articles.figures.standalone import Cell, standalone_table
from cluster.health.observer.client import latest
from cluster.health.observer.models import Gauge
from cluster.health.observer.snapshot import ServiceState
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.events import CODES


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One outbox, with None where a number is unknown."""

    service: str
    code: str
    state: ServiceState | None
    points: str
    most: int | None  # in the time shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """All outboxes at one moment."""

    at: str
    rows: list[Row]
    top: int
    history: bool


def draw(options: Options, request: HttpRequest | None) -> SafeString:
    minutes = options["minutes"]
    depths = read(minutes)
    if depths is None:
        return absence("The outboxes cannot be counted at this moment: the observer is away.")
    context = {
        "depths": depths,
        "minutes": minutes,
        "width": sparkline.WIDTH,
        "height": sparkline.HEIGHT,
    }
    return render_to_string("articles/figures/outbox_depth.html", context, request)


def picture(options: Options) -> str | None:
    depths = read(options["minutes"])
    if depths is None:
        return None
    rows = [
        [
            Cell(row.code, strong=True),
            Cell(row.service),
            Cell("?" if row.state is None or row.state.outbox is None else f"{row.state.outbox}"),
            Cell(points=row.points),
        ]
        for row in depths.rows
    ]
    return standalone_table(("", "outbox", "waiting", f"last {options['minutes']} min"), rows)


def read(minutes: int) -> Depths | None:
    """Return the observer's numbers and their history, or None when the observer is away."""
    snapshot = latest()
    if snapshot is None:
        return None
    history = _history(minutes)
    top = max((value for kept in history.values() for _, value in kept), default=0)
    rows = []
    for name, code in CODES.items():
        state, kept = snapshot.service(name), history.get(name, [])
        rows.append(
            Row(
                service=name,
                code=code,
                state=state,
                points=sparkline.points(kept, seconds=minutes * 60, top=top),
                most=int(max((value for _, value in kept), default=0)) if kept else None,
            )
        )
    return Depths(at=snapshot.at, rows=rows, top=int(top), history=bool(history))


def _history(minutes: int) -> dict[str, list[tuple[float, float]]]:
    """Return (age in seconds, depth) pairs by service, or {} when the database is away."""
    now = datetime.now(UTC)
    since = Gauge.objects.filter(at__gt=now - timedelta(minutes=minutes), outbox__isnull=False)
    depths = since.order_by("at").values_list("service", "at", "outbox")
    kept = read_or([], lambda: list(depths))
    found: dict[str, list[tuple[float, float]]] = {}
    for service, at, outbox in kept:
        found.setdefault(service, []).append(((now - at).total_seconds(), float(outbox or 0)))
    return found
