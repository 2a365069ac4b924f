"""`manage.py chaos heal`: the command that heals every armed fault now."""

from __future__ import annotations

import json
from collections.abc import Callable

from chaos.faults.engine import Engine, Healing

COMMAND = "command"


def heal_everything(write: Callable[[str], object], *, as_json: bool) -> bool:
    """Heal all armed faults, write the results, and return whether nothing is left broken."""
    healings = Engine().heal_each(by=COMMAND)
    well = all(one.healed for one in healings)
    if as_json:
        document = {"healed": well, "faults": [_as_data(one) for one in healings]}
        write(json.dumps(document, indent=2))
        return well
    if not healings:
        write("Nothing is broken on purpose.")
    for one in healings:
        write(f"{one.armed.fault} on {one.armed.target}: {one.words}")
    if not well:
        write("Not everything is healed yet; the watchdog goes on trying.")
    return well


def _as_data(one: Healing) -> dict[str, object]:
    return {
        "id": one.armed.id,
        "fault": one.armed.fault,
        "target": one.armed.target,
        "run": one.armed.run,
        "healed": one.healed,
        "words": one.words,
    }
