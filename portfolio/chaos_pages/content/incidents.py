"""A kept incident as its page shows it: the verdict in a word, its probes side by side.

Pure functions, without any I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from chaos.experiments.exercised import had_no_load, is_vacuous
from chaos.experiments.incident import IncidentDocument, Invariant, ProbeReading

When = Literal["before", "during", "after"]
TIMES: Final[tuple[When, ...]] = ("before", "during", "after")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict of a run: a word with its mark, and a sentence on the hypothesis."""

    word: str
    mark: str
    sentence: str


PASSED: Final = Verdict("passed", "committed", "It held.")
DEVIATED: Final = Verdict("deviated", "failed", "It did not hold.")
ABORTED: Final = Verdict(
    "aborted", "unknown", "It was not tested to the end: an abort condition ended the run early."
)

NOT_EXERCISED: Final = Verdict(
    "not exercised", "unknown", "No checkout was accepted for which it could hold or fail."
)


def verdict(document: IncidentDocument) -> Verdict:
    """Return the verdict, which is never "passed" when anything deviated.

    A document's own status "passed" does not overrule that.
    """
    if document.status == "aborted":
        return ABORTED
    if had_no_load(document):
        return NOT_EXERCISED
    violated = any(invariant.outcome == "fail" for invariant in document.invariants)
    if document.passed and not violated and not document.deviations:
        return PASSED if document.status in (None, "passed") else DEVIATED
    return DEVIATED


@dataclass(frozen=True, slots=True)
class Told:
    """The readings of one probe in one part of the run: how often it held, and its words.

    The words are those of the last reading that failed, or else of the last reading.
    """

    held: int
    asked: int
    words: str

    @property
    def mark(self) -> str:
        return "committed" if self.held == self.asked else "failed"


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One probe of the hypothesis, asked in the same way throughout. None: it was not asked."""

    probe: str
    cells: tuple[Told | None, ...]


def probe_rows(readings: Sequence[ProbeReading]) -> list[ProbeRow]:
    """Return a row for each probe, in the order in which they were first asked."""
    probes = dict.fromkeys(reading.probe for reading in readings)
    return [
        ProbeRow(probe, tuple(_told(readings, probe, when) for when in TIMES)) for probe in probes
    ]


def _told(readings: Sequence[ProbeReading], probe: str, when: When) -> Told | None:
    own = [one for one in readings if one.probe == probe and one.when == when]
    if not own:
        return None
    # A failure says more than a later reading that holds again.
    telling = next((one for one in reversed(own) if not one.ok), own[-1])
    return Told(sum(one.ok for one in own), len(own), telling.words)


@dataclass(frozen=True, slots=True)
class InvariantRow:
    """An invariant, and what was found of it in a word: empty when it held."""

    invariant: Invariant
    word: str
    mark: str


def invariants_in_order(document: IncidentDocument) -> Iterator[InvariantRow]:
    """Yield the violated invariants, then those that could not be decided, then the rest."""
    for one in sorted(
        document.invariants, key=lambda one: (one.outcome != "fail", not one.unknown)
    ):
        yield InvariantRow(one, *_found(one))


def _found(invariant: Invariant) -> tuple[str, str]:
    """Return what was found of an invariant: a word and its mark."""
    if invariant.outcome == "fail":
        return "violated", "failed"
    if invariant.unknown:
        return "undecided", "unknown"
    if is_vacuous(invariant):
        return "not exercised", "unknown"
    return "", ""
