"""The database's side of experiments: the switch, the audit trail and the kept incidents."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from chaos.experiments.incident import IncidentDocument, read_incident
from chaos.experiments.models import AuditEntry, FaultSwitch, Incident
from compose.errors import PlainError

ELSEWHERE: Final = "recorded on another machine"


def require_allowed() -> None:
    """Raise PlainError when the owner has switched hard faults off in the admin."""
    switch = FaultSwitch.forbidding()
    if switch is not None:
        reason = f": {switch.reason}" if switch.reason else ""
        raise PlainError(f"Hard faults are switched off in the admin{reason}.")


def note(*, actor: str, action: str, target: str, outcome: str = "") -> AuditEntry:
    """Record who broke what, and return the entry, whose outcome the end of the run completes."""
    return AuditEntry.objects.create(
        at=datetime.now(UTC), actor=actor, action=action, target=target, outcome=outcome
    )


def keep(document: IncidentDocument, *, origin: str = "") -> Incident:
    """Store an incident, unless it is stored already.

    `origin` is the place of the recording, if it was not this one.
    """
    found, _ = Incident.objects.get_or_create(
        id=UUID(document.id),
        defaults={
            "experiment": document.experiment,
            "title": document.title,
            "summary": document.summary,
            "process": document.process,
            "recorded_at": datetime.fromisoformat(document.recorded_at),
            "revision": document.revision,
            "passed": document.passed,
            "recover_seconds": document.figures.recover_seconds,
            "origin": origin,
            "document": msgspec.to_builtins(document),
        },
    )
    return found


def keep_recordings(folder: Path) -> int:
    """Store the exported incidents of a folder, as from elsewhere, and return their number."""
    recordings = sorted(folder.glob("*.json"))
    for path in recordings:
        keep(read_incident(path.read_bytes()), origin=ELSEWHERE)
    return len(recordings)


def document_of(incident: Incident) -> IncidentDocument:
    """Return the record of a kept incident, typed."""
    found: Any = incident.document
    return msgspec.convert(found, IncidentDocument)
