"""A kept incident as its page tells it: the verdict in a word, its probes side by side; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from chaos.experiments.incident import IncidentDocument, ProbeReading

When = Literal["before", "during", "after"]
TIMES: Final[tuple[When, ...]] = ("before", "during", "after")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended: a word with its mark, and what that says of the hypothesis."""

    word: str
    mark: str
    sentence: str


PASSED: Final = Verdict("passed", "committed", "It held.")
DEVIATED: Final = Verdict("deviated", "failed", "It did not hold.")
ABORTED: Final = Verdict(
    "aborted", "unknown", "It was not tested to the end: an abort condition ended the run early."
)


def verdict(document: IncidentDocument) -> Verdict:
    """Never "passed" when anything deviated, whatever the document calls itself."""
    if document.status == "aborted":
        return ABORTED
    violated = any(invariant.outcome == "fail" for invariant in document.invariants)
    if document.passed and not violated and not document.deviations:
        return PASSED if document.status in (None, "passed") else DEVIATED
    return DEVIATED


@dataclass(frozen=True, slots=True)
class Told:
    """What one probe said in one part of the run: how often it held, and what it last said."""

    held: int
    asked: int
    words: str

    @property
    def mark(self) -> str:
        return "committed" if self.held == self.asked else "failed"


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One probe of the hypothesis, asked the same way all the time. None: it was not asked."""

    probe: str
    cells: tuple[Told | None, ...]


def probe_rows(readings: Sequence[ProbeReading]) -> list[ProbeRow]:
    """A row for each probe, in the order in which they were first asked."""
    probes = dict.fromkeys(reading.probe for reading in readings)
    return [
        ProbeRow(probe, tuple(_told(readings, probe, when) for when in TIMES)) for probe in probes
    ]


def _told(readings: Sequence[ProbeReading], probe: str, when: When) -> Told | None:
    own = [one for one in readings if one.probe == probe and one.when == when]
    if not own:
        return None
    # What went wrong says more than that it is well again.
    telling = next((one for one in reversed(own) if not one.ok), own[-1])
    return Told(sum(one.ok for one in own), len(own), telling.words)


def invariants_in_order(document: IncidentDocument) -> Iterator[object]:
    """Violated ones first, then those that could not be decided, then the rest."""
    yield from sorted(document.invariants, key=lambda one: (one.outcome != "fail", not one.unknown))
