"""Checkers of spending limits: a visitor's totals equal the sums of holds and spends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cluster.health.checkers.compare import Comparison
from cluster.health.checkers.finding import Counterexample, Finding, agree, conclude


@dataclass(frozen=True, slots=True)
class VisitorBooks:
    """One visitor's columns beside the sums of the rows they summarise (pence)."""

    visitor: str
    limit: int
    held: int
    spent: int
    holds: int
    spends: int
    restorations: int


def limits_conserved(visitors: Sequence[VisitorBooks]) -> Finding:
    return conclude(
        "limits conserved",
        checked=len(visitors),
        violations=(Counterexample(text) for books in visitors for text in _visitor_faults(books)),
    )


def _visitor_faults(books: VisitorBooks) -> Iterable[str]:
    if books.held != books.holds:
        yield f"{books.visitor}: {books.held} p counted as held, open holds are {books.holds} p"
    if books.spent != books.spends - books.restorations:
        yield (
            f"{books.visitor}: {books.spent} p counted as spent, its rows say "
            f"{books.spends} p spent - {books.restorations} p given back"
        )
    if min(books.held, books.spent) < 0 or books.held + books.spent > books.limit:
        yield (
            f"{books.visitor}: {books.held} p held + {books.spent} p spent "
            f"is outside the limit of {books.limit} p"
        )


def spending_matches_checkouts(comparison: Comparison) -> Finding:
    """Check that each completed saga's amount (left) equals its spend (right)."""
    return agree(
        "spending matches checkouts",
        comparison,
        lambda d: (
            f"{d.key}: the checkout cost {d.left or 'nothing'} p, "
            f"{d.right or 'nothing'} p of the limit was spent"
        ),
    )
