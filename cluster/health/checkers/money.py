"""Money is conserved: the ledger balances, and agrees with the provider and the checkouts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.health.checkers.compare import Comparison, differences
from cluster.health.checkers.finding import Counterexample, Finding, agree, conclude
from cluster.payments.provider_api import Balance

# In place of a payment: the balance of all that are closed.
CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger's totals: entries, their sum, and the transactions that do not balance."""

    entries: int
    total: int
    transactions: int
    unbalanced: Sequence[tuple[str, int]]


def ledger_balances(ledger: Ledger) -> Finding:
    violations = [
        Counterexample(f"transaction {transaction} sums to {amount} p")
        for transaction, amount in ledger.unbalanced
    ]
    if ledger.total != 0:
        violations.append(Counterexample(f"all entries together sum to {ledger.total} p"))
    return conclude(
        "ledger balances",
        checked=ledger.transactions,
        violations=violations,
        sentence=f"Every transaction sums to zero, and so do all {ledger.entries} entries.",
    )


def nothing_left_authorised(payments: int, authorised: Sequence[tuple[str, int]]) -> Finding:
    """Check that nothing stays authorised. `authorised`: payments with an open balance in pence."""
    return conclude(
        "nothing left authorised",
        checked=payments,
        violations=(
            Counterexample(f"payment {payment} still has {amount} p authorised", payment)
            for payment, amount in authorised
        ),
        at_rest=True,
    )


def ledger_matches_provider(
    ours: Mapping[str, Balance],
    theirs: Mapping[str, Balance],
    may_be_closed: Callable[[str], bool] = lambda _payment: False,
) -> Finding:
    """Check that both sides have equal balances by payment. One of zero may be left out.

    A payment that one side alone has kept may be closed on the other. The sums of all those and of
    what was closed, under CLOSED, are equal then.
    """
    apart = differences(_with_money(ours), _with_money(theirs))
    closed = [
        one.key
        for one in apart
        if one.key == CLOSED or (None in (one.left, one.right) and may_be_closed(one.key))
    ]
    sums = [_sum(side[key] for key in closed if key in side) for side in (ours, theirs)]
    explained = set(closed) if sums[0] == sums[1] else set()
    return agree(
        "ledger matches the provider",
        Comparison(
            len(ours.keys() | theirs.keys()),
            tuple(one for one in apart if one.key not in explained),
        ),
        lambda d: (
            f"payment {d.key}: the ledger has {d.left or 'nothing'}, "
            f"the provider's books {d.right or 'nothing'}"
        ),
    )


def _sum(balances: Iterable[Balance]) -> tuple[int, int]:
    found = list(balances)
    return sum(b.authorised for b in found), sum(b.captured for b in found)


def _with_money(balances: Mapping[str, Balance]) -> dict[str, str]:
    return {
        payment: f"{balance.authorised} p authorised and {balance.captured} p captured"
        for payment, balance in balances.items()
        if balance.authorised or balance.captured
    }


def captures_match_checkouts(comparison: Comparison) -> Finding:
    """Check that each completed saga's amount (left) equals its captured pence (right)."""
    return agree(
        "captures match checkouts",
        comparison,
        lambda d: (
            f"{d.key}: the checkout cost {d.left or 'nothing'} p, "
            f"{d.right or 'nothing'} p is captured"
        ),
    )
