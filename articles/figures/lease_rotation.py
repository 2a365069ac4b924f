"""`lease-rotation`: the leased logins of the databases, and the latest rotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from articles.figures.fill import absence
from articles.figures.registry import Options
from articles.figures.standalone import Cell, standalone_table
from cluster.health.observer.client import latest
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.events import CODES
from cluster.storefront.models import JournalEntry
from cluster.storefront.queries import last_seq

TYPES: Final = tuple(f"{service}.credentials_rotated.v1" for service in CODES)
# The platform's default lease. The bars' scale grows with longer leases.
USUAL_LEASE: Final = 60  # seconds
# Journal entries, from the newest: they span minutes on a busy cluster and days on an idle one.
LOOKED_AT: Final = 100_000
BAR: Final = 160  # pixels of the drawing's own grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One service's newest login, with None where it is unknown."""

    service: str
    code: str
    role: str | None
    remaining: float | None  # seconds
    sessions: int | None
    bar: float


def draw(options: Options, request: HttpRequest | None) -> SafeString:
    rows, scale = read_leases()
    rotations = _rotations(options["rotations"])
    if not rows and rotations is None:
        return absence(
            "The leases cannot be read at this moment: the observer and the database are away."
        )
    context = {
        "rows": rows,
        "scale": scale,
        "bar": BAR,
        "rotations": rotations,
        "drawn_at": datetime.now(UTC),
    }
    return render_to_string("articles/figures/lease_rotation.html", context, request)


def picture(_options: Options) -> str | None:
    rows, _ = read_leases()
    if not rows:
        return None
    cells = [
        [
            Cell(row.code, strong=True),
            Cell(row.role or "no lease known"),
            Cell("" if row.remaining is None else f"{row.remaining:.0f} s left"),
            Cell(bar=row.bar),
        ]
        for row in rows
    ]
    return standalone_table(("", "login", "lease", ""), cells)


def read_leases() -> tuple[list[Row], float]:
    """Return the newest login of each service, and the seconds that a full bar stands for."""
    snapshot = latest()
    if snapshot is None:
        return [], USUAL_LEASE
    found = {name: state.lease for name in CODES if (state := snapshot.service(name))}
    longest = max((lease.remaining_seconds for lease in found.values() if lease), default=0)
    scale = max(USUAL_LEASE, longest)
    rows = []
    for name, code in CODES.items():
        lease = found.get(name)
        remaining = max(0.0, lease.remaining_seconds) if lease else None
        rows.append(
            Row(
                service=name,
                code=code,
                role=lease.role if lease else None,
                remaining=remaining,
                sessions=lease.sessions if lease else None,
                bar=0 if remaining is None else round(remaining / scale * BAR, 1),
            )
        )
    return rows, scale


def _rotations(count: int) -> list[tuple[datetime, str, Mapping[str, Any]]] | None:
    """Return time, code and data of the latest rotations, newest first.

    None while the database is away.
    """
    found = JournalEntry.objects.filter(type__in=TYPES)
    entries = read_or(
        None,
        lambda: list(found.filter(seq__gt=last_seq() - LOOKED_AT).order_by("-seq")[:count]),
    )
    if entries is None:
        return None
    return [
        (
            entry.time or entry.recorded_at,
            CODES.get(entry.source.rpartition("/")[2], entry.source),
            entry.envelope.get("data", {}) if isinstance(entry.envelope, dict) else {},
        )
        for entry in entries
    ]
