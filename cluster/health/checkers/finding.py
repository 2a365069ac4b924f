"""The finding of a checker: one invariant, its outcome, its count and its counterexamples."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final

from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.invariants import statement_of

SHOWN: Final = 10  # counterexamples printed of one invariant; the count says how many there are


class Outcome(enum.StrEnum):
    """Yes, no, or INFO for an unknown outcome and for a mere count (design, section 8)."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One thing that breaks an invariant. `about`: the id of the saga or refund it concerns."""

    text: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one checker.

    `checked` counts the things examined. `at_rest` marks an invariant that holds
    only when nothing is in flight. `unknown`: it could not be decided this time.
    `partial`: there are more violations than were read.
    """

    name: str
    outcome: Outcome
    checked: int
    violations: tuple[Counterexample, ...]
    sentence: str
    at_rest: bool = False
    unknown: bool = False
    partial: bool = False

    @property
    def counterexamples(self) -> list[str]:
        return [violation.text for violation in self.violations[:SHOWN]]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "checked": self.checked,
            "violations": len(self.violations),
            "partial": self.partial,
            "unknown": self.unknown,
            "sentence": self.sentence,
            "counterexamples": self.counterexamples,
        }


def conclude(
    name: str,
    *,
    checked: int,
    violations: Iterable[Counterexample],
    sentence: str = "",
    at_rest: bool = False,
    partial: bool = False,
) -> Finding:
    """Return a finding, which fails when there is any violation.

    `sentence` states the invariant, if not in the words of the registry.
    """
    found = tuple(violations)
    outcome = Outcome.FAIL if found else Outcome.OK
    said = sentence or statement_of(name)
    return Finding(name, outcome, checked, found, said, at_rest=at_rest, partial=partial)


def agree(
    name: str,
    comparison: Comparison,
    words: Callable[[Difference], str],
    *,
    at_rest: bool = True,
) -> Finding:
    """Return a finding that fails when the two sides differ. `words` describes one difference."""
    return conclude(
        name,
        checked=comparison.checked,
        violations=(Counterexample(words(one), one.about) for one in comparison.differences),
        at_rest=at_rest,
        partial=comparison.partial,
    )


def inform(name: str, *, checked: int, sentence: str) -> Finding:
    """Return a finding that shows a count and cannot fail."""
    return Finding(name, Outcome.INFO, checked, (), sentence)


def unknown(name: str, *, because: str) -> Finding:
    """Return a finding for an invariant that could not be examined."""
    return Finding(name, Outcome.INFO, 0, (), f"Not known: {because}.", unknown=True)


def excuse(finding: Finding, *, in_flight: AbstractSet[str], backlog: bool) -> Finding:
    """Judge an at-rest invariant while something still moves.

    Violations that concern a saga in flight are set aside. With a backlog anywhere, the
    others may be ones that the backlog will mend: the outcome is then unknown.
    """
    if not finding.at_rest or finding.outcome is not Outcome.FAIL:
        return finding
    standing = tuple(v for v in finding.violations if v.about not in in_flight)
    moving = len(finding.violations) - len(standing)
    if standing and not backlog:
        return replace(finding, violations=standing)
    if not standing and not finding.partial:
        return replace(
            finding,
            outcome=Outcome.INFO,
            violations=(),
            sentence=f"{finding.sentence} Left aside, still in flight: {moving}.",
        )
    return replace(
        finding,
        outcome=Outcome.INFO,
        unknown=True,
        sentence=f"{finding.sentence} Not known: messages still wait to be delivered.",
    )
