"""Template filters for the durations of outages and the figures of an incident."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from django import template

from chaos.experiments.incident import IncidentDocument

register = template.Library()

LONG: Final = 100.0  # seconds from which tenths are left out


@register.filter
def seconds(value: float) -> str:
    """Return a duration such as `2.4 s`, or `132 s` from LONG on."""
    return f"{value:.0f} s" if value >= LONG else f"{value:.1f} s"


@register.filter
def milliseconds(moment: datetime) -> str:
    """Return the time of day with three decimals."""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


@register.filter
def figures(incident: IncidentDocument) -> Iterator[tuple[str, str]]:
    """Yield each figure's name and value for people, without those that older documents lack."""
    found = msgspec.structs.asdict(incident.figures)
    for name, value in sorted(found.items(), key=lambda one: not one[0].endswith("_seconds")):
        if value is None and name in LATER:
            continue
        if name.endswith("_seconds"):
            told = "not seen" if value is None else seconds(value)
        else:
            told = str(value)
        yield NAMES.get(name, name.replace("_", " ")), told


@register.filter
def load_figures(incident: IncidentDocument) -> Iterator[tuple[str, str]]:
    """Yield the figures of the load, none when the document has no such part."""
    if incident.offered is None:
        return
    for name, value in msgspec.structs.asdict(incident.offered).items():
        yield OFFERED.get(name, name.replace("_", " ")), str(value)


@register.filter
def delivery_figures(incident: IncidentDocument) -> Iterator[tuple[str, str]]:
    """Yield the figures of the deliveries, none when the document has no such part."""
    if incident.deliveries is None:
        return
    for name, value in msgspec.structs.asdict(incident.deliveries).items():
        yield name.replace("_", " "), "not counted" if value is None else str(value)


@register.filter
def hypothesis_probes(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the probes of a Chaos Toolkit document, each with the source of its function."""
    return [
        {**probe, "source": f"{probe['provider']['module']}:{probe['provider']['func']}"}
        for probe in document["steady-state-hypothesis"]["probes"]
    ]


# Figures that documents of earlier versions do not have.
LATER: Final = frozenset(
    {"consistent_seconds", "recover_after_heal_seconds", "compensated_by_fault"}
)
NAMES: Final = {
    "detect_seconds": "until the observer noticed",
    "first_success_seconds": "until a checkout accepted after the fault had completed",
    "recover_seconds": "until the process did its work again",
    "drain_seconds": "until everything accepted before that had ended",
    "consistent_seconds": "until no difference was left between the services",
    "recover_after_heal_seconds": "until then, counted from when the fault was taken back",
    "checkouts": "checkouts accepted",
    "refused": "refused, so nothing was promised",
    "compensated_by_fault": "of the compensated, because of the fault",
    "unfinished": "without an end",
    "deduplicated": "deliveries recognised as repeated",
    "dead_lettered": "set aside as dead letters",
    "violations": "invariants violated",
    "undecided": "invariants that could not be decided",
}
OFFERED: Final = {
    "profile": "load",
    "handed_in": "handed in",
    "accepted": "of these accepted",
    "refused": "refused in words",
    "repeated": "handed in again with the same id",
}
