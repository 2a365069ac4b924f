"""Checkers that sagas end, and leave no orphan behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.health.checkers.agreement import facts_apart
from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.finding import Counterexample, Finding, agree, conclude


@dataclass(frozen=True, slots=True)
class OpenSaga:
    """A saga that has not ended: `overdue` when even its last deadline is long past."""

    id: str
    state: str
    position: str
    overdue: bool


def sagas_end(total: int, unended: Sequence[OpenSaga]) -> Finding:
    """Check that every saga has ended. One that is overdue is stuck, not in flight."""
    return conclude(
        "every saga ended",
        checked=total,
        violations=(
            Counterexample(
                f"{saga.id}: {saga.state} at {saga.position}"
                + (", long after its deadline" if saga.overdue else ""),
                "" if saga.overdue else saga.id,
            )
            for saga in unended
        ),
        at_rest=True,
    )


def requests_answered(kind: str, comparison: Comparison) -> Finding:
    """Check that each request on the site (left) has the outcome of its saga (right)."""
    return agree(
        f"every {kind} answered", comparison, lambda d: f"{kind} {d.key}: {_distinguished(d)}"
    )


def _distinguished(difference: Difference) -> str:
    if difference.right is None:
        return "it has no saga"
    if difference.left is None:
        return "the site knows nothing of it"
    return f"by the site and its saga, {facts_apart(difference.left, difference.right)}"


def no_orphans(kind: str, comparison: Comparison) -> Finding:
    """Check that a service's rows (right) are those that completed sagas must leave (left)."""
    return agree(
        f"no orphan {kind}",
        comparison,
        lambda d: (
            f"{kind} {d.key}: {d.right or 'missing'}, and its checkout "
            + (f"wants it {d.left}" if d.left else "did not complete")
        ),
    )


def refunds_end(total: int, unended: Sequence[tuple[str, str]]) -> Finding:
    """Check that every refund has ended. `unended`: refund id and state."""
    return conclude(
        "every refund ended",
        checked=total,
        violations=(
            Counterexample(f"refund {refund}: still {state}", refund) for refund, state in unended
        ),
        at_rest=True,
    )


def refunds_whole(part: str, comparison: Comparison) -> Finding:
    """Check that each completed refund (left) was carried out by one service (right)."""
    return agree(f"refunds: {part}", comparison, lambda d: f"refund {d.key}: {_not_whole(part, d)}")


def _not_whole(part: str, difference: Difference) -> str:
    if difference.right is None:
        return f"orders says done, {part}: not done"
    if difference.left is None:
        return f"orders says not completed, {part}: done"
    return f"{part}, yet {facts_apart(difference.left, difference.right)}"
