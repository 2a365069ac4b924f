"""Whether visitors may break things at this moment, and what they are told when not."""

from __future__ import annotations

from typing import Final

from chaos.experiments.models import FaultSwitch

OFF: Final = "The owner has switched hard faults off"


def closed() -> str:
    """Why nothing can be broken now; empty when it can. Raises django.db.Error."""
    switch = FaultSwitch.objects.filter(pk=FaultSwitch.ONLY).first()
    if switch is None or switch.hard_faults:
        return ""
    return f"{OFF}: {switch.reason}" if switch.reason else f"{OFF}."
