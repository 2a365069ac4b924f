"""Checkers that no message is lost or invented: every sequence arrives whole, everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.finding import Counterexample, Finding, conclude

# The key of a stream is "source subject", as Snapshots.compare names a key in a part.


def remembered(streams: Comparison, *, pruned: bool) -> Comparison:
    """Return `streams` without those of which a pruned journal has nothing left."""
    if not pruned:
        return streams
    kept = tuple(d for d in streams.differences if d.right is not None)
    return replace(streams, differences=kept)


def nothing_lost(streams: Comparison) -> Finding:
    """Check that the journal has (right) all that producers announced (left), by stream."""
    lost = [d for d in streams.differences if d.left is not None and not _ahead(d)]
    return conclude(
        "nothing lost",
        checked=streams.checked,
        violations=(
            Counterexample(
                f"{_stream(d)}: {d.left} announced, the journal has {d.right or 'none'}",
                _about(d),
            )
            for d in lost
        ),
        at_rest=True,
        partial=streams.partial,
    )


def nothing_from_nowhere(streams: Comparison) -> Finding:
    """Check the other direction of `nothing_lost`: journalled, but never announced."""
    invented = [d for d in streams.differences if d.left is None or _ahead(d)]
    return conclude(
        "nothing from nowhere",
        checked=streams.checked,
        violations=(
            Counterexample(
                f"{_stream(d)}: the journal has {d.right}, {d.left or 'none'} announced", _about(d)
            )
            for d in invented
        ),
        at_rest=True,
        partial=streams.partial,
    )


def all_applied(service: str, streams: Comparison) -> Finding:
    """Check that the last message sent to this service (left) is the last it applied (right)."""
    return conclude(
        f"everything applied: {service}",
        checked=streams.checked,
        violations=(
            Counterexample(
                f"{_stream(d)}: {d.left or 'none'} sent, {d.right or 'none'} applied", _about(d)
            )
            for d in streams.differences
        ),
        at_rest=True,
        partial=streams.partial,
    )


def versions_match(service: str, comparison: Comparison) -> Finding:
    """Check that an aggregate's version (left) equals its messages in the outbox stream (right).

    For a saga, its count of messages is compared.
    """
    return conclude(
        f"state and messages agree: {service}",
        checked=comparison.checked,
        violations=(
            Counterexample(
                f"{d.key}: its row changed {d.left or 0} times, {d.right or 0} messages announced",
                d.key.rpartition("/")[2],
            )
            for d in comparison.differences
        ),
        partial=comparison.partial,
    )


@dataclass(frozen=True, slots=True)
class JournalExtent:
    """The journal's rows, its ends, and the first few gaps as (after, before)."""

    rows: int
    first: int
    last: int
    gaps: Sequence[tuple[int, int]]


def stream_whole(journal: JournalExtent) -> Finding:
    violations = [
        Counterexample(f"seq {after} is followed by {before}") for after, before in journal.gaps
    ]
    spanned = journal.last - journal.first + 1 if journal.rows else 0
    if not violations and spanned != journal.rows:
        violations.append(Counterexample(f"{journal.rows} rows span {spanned} numbers"))
    return conclude(
        "stream seen whole",
        checked=journal.rows,
        violations=violations,
        sentence=f"The site's stream counts from {journal.first} to {journal.last} without a gap.",
    )


def _stream(difference: Difference) -> str:
    source, _, subject = difference.key.partition(" ")
    return f"{source}'s {subject}"


def _about(difference: Difference) -> str:
    return difference.key.rpartition("/")[2]


def _ahead(difference: Difference) -> bool:
    """Return whether the journal holds more of a stream than its producer ever announced."""
    announced, journalled = difference.left or "", difference.right or ""
    both_counted = announced.isdigit() and journalled.isdigit()  # not "2 of 3"
    return both_counted and int(journalled) > int(announced)
