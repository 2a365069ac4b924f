"""The owner's switch for hard faults, as the chaos pages show it."""

from __future__ import annotations

from typing import Final

from chaos.experiments.models import FaultSwitch

OFF: Final = "The owner has switched hard faults off"


def closed() -> str:
    """Return why visitors may break nothing now, empty when they may. Raises django.db.Error."""
    switch = FaultSwitch.objects.filter(pk=FaultSwitch.ONLY).first()
    if switch is None or switch.hard_faults:
        return ""
    return f"{OFF}: {switch.reason}" if switch.reason else f"{OFF}."
