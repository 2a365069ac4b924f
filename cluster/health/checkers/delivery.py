"""Checkers that messages are applied exactly once, in order, or kept as dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.health.checkers.finding import Counterexample, Finding, conclude, inform
from cluster.health.checkers.invariants import statement_of

DEAD_LETTERS: Final = "no message left in the dead letters"


@dataclass(frozen=True, slots=True)
class Repeated:
    """A message whose effects were committed more than once."""

    service: str
    message: str
    type: str
    applied: int


def applied_once(messages: int, repeated: Sequence[Repeated]) -> Finding:
    return conclude(
        "applied exactly once",
        checked=messages,
        violations=(
            Counterexample(f"{r.service} applied {r.type} {r.message} {r.applied} times")
            for r in repeated
        ),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked message: it waits for an earlier one of its stream."""

    service: str
    source: str
    subject: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A message that was applied out of order.

    `before` is the sequence applied before it in its stream. With a `position`, it was the last
    one applied, and the stream's recorded position is another.
    """

    service: str
    source: str
    subject: str
    sequence: int
    before: int | None
    position: int | None


def applied_in_order(
    streams: int, waiting: Sequence[Waiting], misplaced: Sequence[Misplaced]
) -> Finding:
    """Check that each stream was applied in sequence, and that none waits before a gap."""
    return conclude(
        "order per aggregate",
        checked=streams,
        violations=[
            *(Counterexample(_misplacement(one)) for one in misplaced),
            *(
                Counterexample(
                    f"{w.service} still waits for what comes before {w.sequence} "
                    f"of {w.source}'s {w.subject}",
                    w.subject.rpartition("/")[2],
                )
                for w in waiting
            ),
        ],
        # A message applied out of order stays so, but one that waits may still be applied.
        at_rest=not misplaced,
    )


def _misplacement(one: Misplaced) -> str:
    applied = f"{one.service} applied {one.sequence} of {one.source}'s {one.subject}"
    if one.position is not None:
        return f"{applied} last, and stands at {one.position}"
    return f"{applied} after {one.before}"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A dead letter without a replay, `announced` if it came from one of our outboxes."""

    id: str
    type: str
    reason: str
    announced: bool


def dead_letters_settled(kept: int, undelivered: Sequence[Undelivered]) -> Finding:
    """Check that dead letters are replayed, except those that no outbox of ours announced."""
    strangers = sum(not letter.announced for letter in undelivered)
    return conclude(
        DEAD_LETTERS,
        checked=kept,
        violations=(
            Counterexample(f"{letter.id}: {letter.type}, {letter.reason}; not replayed")
            for letter in undelivered
            if letter.announced
        ),
        sentence=(
            statement_of(DEAD_LETTERS)
            + (f" Kept besides, sent by no outbox: {strangers}." if strangers else "")
        ),
    )


def duplicates_happened(deduplicated: Mapping[str, int]) -> Finding:
    """Report the duplicates. `deduplicated`: by service, deliveries that were applied already."""
    total = sum(deduplicated.values())
    if not total:
        return inform("duplicates", checked=0, sentence="No delivery has come twice so far.")
    parts = ", ".join(f"{name} {count}" for name, count in deduplicated.items() if count)
    return inform(
        "duplicates", checked=total, sentence=f"Deliveries that came twice, done once: {parts}."
    )


def arrivals_out_of_order(arrivals: int, overtaken: int) -> Finding:
    """Report how many of the journal's arrivals came out of order: reordering really happens."""
    return inform(
        "arrivals out of order",
        checked=arrivals,
        sentence=f"{overtaken} of the latest {arrivals} arrivals came after a later message "
        "of their stream; each was applied in order all the same.",
    )
