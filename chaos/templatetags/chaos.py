"""How durations of outages, and the figures of an incident, are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from django import template

from chaos.experiments.incident import IncidentDocument

register = template.Library()

LONG: Final = 100.0  # seconds from which tenths say nothing


@register.filter
def seconds(value: float) -> str:
    """`2.4 s`, and for long ones `132 s`."""
    return f"{value:.0f} s" if value >= LONG else f"{value:.1f} s"


@register.filter
def figures(incident: IncidentDocument) -> Iterator[tuple[str, str]]:
    """Each figure's name and value, as people read them."""
    for name, value in msgspec.structs.asdict(incident.figures).items():
        if name.endswith("_seconds"):
            told = "not seen" if value is None else seconds(value)
        else:
            told = str(value)
        yield NAMES.get(name, name.replace("_", " ")), told


NAMES: Final = {
    "detect_seconds": "until the observer noticed",
    "first_success_seconds": "until a checkout accepted after the fault had completed",
    "recover_seconds": "until the process did its work again",
    "drain_seconds": "until everything accepted before that had ended",
    "checkouts": "checkouts accepted",
    "refused": "refused, so nothing was promised",
    "unfinished": "without an end",
    "deduplicated": "deliveries recognised as repeated",
    "dead_lettered": "set aside as dead letters",
    "violations": "invariants violated",
    "undecided": "invariants that could not be decided",
}
