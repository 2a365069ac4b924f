"""Checkers that no message is lost or invented: every sequence arrives whole, everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.finding import Counterexample, Finding, agree, conclude

# The key of a stream is "source subject", as Snapshots.compare names a key in a part.


def remembered(streams: Comparison, *, pruned: bool) -> Comparison:
    """Return `streams` without those of which a pruned journal has nothing left."""
    return streams.only(lambda d: d.right is not None) if pruned else streams


def nothing_lost(streams: Comparison) -> Finding:
    """Check that the journal has (right) all that producers announced (left), by stream."""
    return agree(
        "nothing lost",
        streams.only(lambda d: d.left is not None and not _ahead(d)),
        lambda d: f"{_stream(d)}: {d.left} announced, the journal has {d.right or 'none'}",
    )


def nothing_from_nowhere(streams: Comparison) -> Finding:
    """Check the other direction of `nothing_lost`: journalled, but never announced."""
    return agree(
        "nothing from nowhere",
        streams.only(lambda d: d.left is None or _ahead(d)),
        lambda d: f"{_stream(d)}: the journal has {d.right}, {d.left or 'none'} announced",
    )


def all_applied(service: str, streams: Comparison) -> Finding:
    """Check that the last message sent to this service (left) is the last it applied (right)."""
    return agree(
        f"everything applied: {service}",
        streams,
        lambda d: f"{_stream(d)}: {d.left or 'none'} sent, {d.right or 'none'} applied",
    )


def versions_match(service: str, comparison: Comparison) -> Finding:
    """Check that an aggregate's version (left) equals its messages in the outbox stream (right).

    For a saga, its count of messages is compared.
    """
    return agree(
        f"state and messages agree: {service}",
        comparison,
        lambda d: (
            f"{d.key}: its row changed {d.left or 0} times, {d.right or 0} messages announced"
        ),
        at_rest=False,
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


def _ahead(difference: Difference) -> bool:
    """Return whether the journal holds more of a stream than its producer ever announced."""
    announced, journalled = difference.left or "", difference.right or ""
    both_counted = announced.isdigit() and journalled.isdigit()  # not "2 of 3"
    return both_counted and int(journalled) > int(announced)
