"""The checks of a run that had nothing to look at, and so prove nothing: not exercised.

Pure functions of the record, also of the records of earlier versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from chaos.experiments.incident import IncidentDocument, Invariant

# The figures of deliveries that grow when a fault of messages meets one.
EVIDENCE: Final[Mapping[str, tuple[str, ...]]] = {
    "duplicate-messages": ("deduplicated",),
    "reorder-messages": ("parked",),
    "poison-order": ("dead_lettered", "replayed"),
}


def not_exercised(document: IncidentDocument) -> list[str]:
    """Return a sentence on each check that had nothing to look at."""
    return [*_load(document), *_faults(document), *_invariants(document), *_stream(document)]


def is_vacuous(invariant: Invariant) -> bool:
    """Return whether an invariant holds only since there was nothing to look at."""
    return invariant.outcome == "ok" and invariant.checked == 0


def had_no_load(document: IncidentDocument) -> bool:
    """Return whether no checkout was accepted, so that none could be lost."""
    return document.offered is not None and document.offered.accepted == 0


def _load(document: IncidentDocument) -> Iterator[str]:
    if had_no_load(document):
        yield "The outcome of checkouts: none was accepted."
    elif document.injections and document.figures.first_success_seconds is None:
        yield "Checkouts under the fault: none that was accepted after it has completed."


def _faults(document: IncidentDocument) -> Iterator[str]:
    if document.deliveries is None:
        return
    for fault in dict.fromkeys(injection.fault for injection in document.injections):
        figures = EVIDENCE.get(fault, ())
        if figures and not any(getattr(document.deliveries, name) for name in figures):
            yield f"The fault {fault}: it met no message."


def _invariants(document: IncidentDocument) -> Iterator[str]:
    names = [one.name for one in document.invariants if is_vacuous(one)]
    if names:
        yield f"Invariants with nothing to look at: {'; '.join(names)}."


def _stream(document: IncidentDocument) -> Iterator[str]:
    if document.followed is not None and document.followed.whole and not document.followed.events:
        yield "The public stream: its client saw no event."
