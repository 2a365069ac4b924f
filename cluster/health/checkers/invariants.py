"""Every invariant that is examined, with its statement, its checker, and what would break it.

The registry is the one place for an invariant's name and statement: checkers take their sentence
from it, and findings carry it to pages and reports.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.environment import DATABASES

PROOF: Final = "tests/health/checkers/test_checkers_can_fail.py"


class Promise(enum.StrEnum):
    """The promises of the platform, of which each invariant is a part of one."""

    STOCK_CONSERVED = "stock conserved"
    MONEY_CONSERVED = "money conserved"
    NO_ORPHANS = "no orphan reservation"
    SAGAS_END = "every saga ended"
    NOTHING_LOST = "nothing lost"
    NOTHING_FROM_NOWHERE = "nothing from nowhere"
    APPLIED_ONCE = "applied exactly once"
    IN_ORDER = "order per aggregate"
    DUPLICATES = "duplicates really happened"
    STREAM_WHOLE = "stream seen whole"
    RECORDS_AGREE = "records agree"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant. `checker`: the pure function that decides it, as "view source" takes it.

    `counted`: it is a count that shows the test was hard, and cannot be violated.
    """

    name: str
    promise: Promise
    statement: str
    broken_by: str
    checker: str
    counted: bool = False

    @property
    def slug(self) -> str:
        """The name as an address or an identifier has it: "no-orphan-hold"."""
        return self.name.replace(":", "").replace(" ", "-")

    @property
    def proof(self) -> str:
        """The test that sees this invariant fail (or this count move), as pytest names it."""
        return f"{PROOF}::{self._test}[{self.slug}]"

    @property
    def proof_source(self) -> str:
        """The function of that test, as "view source" takes it."""
        return f"{PROOF.removesuffix('.py').replace('/', '.')}:{self._test}"

    @property
    def _test(self) -> str:
        return "test_is_seen_to_count" if self.counted else "test_is_seen_to_fail"


def statement_of(name: str) -> str:
    """Return the statement of the invariant of that name, or raise KeyError."""
    return INVARIANTS[name].statement


RECEIVERS: Final = tuple(name for name in DATABASES if name != "site")

_STOCK: Final = (
    Invariant(
        "stock conserved",
        Promise.STOCK_CONSERVED,
        "Of every product: listed = available + reserved + sold, each as its rows say.",
        "An item taken without the guard, or a count that moves without its row.",
        "cluster.health.checkers.stock:stock_conserved",
    ),
    Invariant(
        "sales match checkouts",
        Promise.STOCK_CONSERVED,
        "Every completed checkout has its sale, and there is no sale without one.",
        "A sale of another quantity than the checkout's, a sale left out, or one made twice.",
        "cluster.health.checkers.stock:sales_match_checkouts",
    ),
)
_MONEY: Final = (
    Invariant(
        "ledger balances",
        Promise.MONEY_CONSERVED,
        "Every transaction sums to zero, and so do all entries.",
        "One leg of a double entry left out.",
        "cluster.health.checkers.money:ledger_balances",
    ),
    Invariant(
        "nothing left authorised",
        Promise.MONEY_CONSERVED,
        "No authorisation stays open after its checkout has ended.",
        "An authorisation that nobody captured or voided.",
        "cluster.health.checkers.money:nothing_left_authorised",
    ),
    Invariant(
        "ledger matches the provider",
        Promise.MONEY_CONSERVED,
        "What the ledger says was taken is what the provider's own books say.",
        "A callback that was booked twice, or never.",
        "cluster.health.checkers.money:ledger_matches_provider",
    ),
    Invariant(
        "captures match checkouts",
        Promise.MONEY_CONSERVED,
        "Every completed checkout is paid in full; no other keeps any money.",
        "Money kept of a compensated checkout, or of a refunded one.",
        "cluster.health.checkers.money:captures_match_checkouts",
    ),
    Invariant(
        "limits conserved",
        Promise.MONEY_CONSERVED,
        "Of every visitor: held and spent are as the rows say, and within the limit.",
        "A limit whose count moves without its hold or its spending.",
        "cluster.health.checkers.limits:limits_conserved",
    ),
    Invariant(
        "spending matches checkouts",
        Promise.MONEY_CONSERVED,
        "Every completed checkout has its spending, and there is none without one.",
        "A hold that was turned into another amount than the checkout's.",
        "cluster.health.checkers.limits:spending_matches_checkouts",
    ),
)


def _answered(kind: str) -> Invariant:
    return Invariant(
        f"every {kind} answered",
        Promise.SAGAS_END,
        f"Every accepted {kind} has a saga that ended, and the site knows how.",
        f"A {kind} whose first or last message was lost.",
        "cluster.health.checkers.sagas:requests_answered",
    )


def _no_orphan(kind: str) -> Invariant:
    return Invariant(
        f"no orphan {kind}",
        Promise.NO_ORPHANS,
        f"Every {kind} still standing belongs to a completed checkout.",
        "A compensation that is acknowledged and not done.",
        "cluster.health.checkers.sagas:no_orphans",
    )


def _refund_whole(part: str) -> Invariant:
    return Invariant(
        f"refunds: {part}",
        Promise.SAGAS_END,
        f"Completed refunds, and no others: {part}.",
        "A refund that is called complete when one service has not done its part.",
        "cluster.health.checkers.sagas:refunds_whole",
    )


_SAGAS: Final = (
    Invariant(
        "every saga ended",
        Promise.SAGAS_END,
        "Every saga is completed or compensated.",
        "Deadlines that nobody watches.",
        "cluster.health.checkers.sagas:sagas_end",
    ),
    _answered("checkout"),
    *(_no_orphan(kind) for kind in ("hold", "reservation", "order")),
    Invariant(
        "every refund ended",
        Promise.SAGAS_END,
        "Every refund is completed, refused or abandoned.",
        "A refund that waits for an answer which does not come.",
        "cluster.health.checkers.sagas:refunds_end",
    ),
    _answered("refund"),
    *(
        _refund_whole(part)
        for part in ("the money is back", "the items are back", "the limit is back")
    ),
    _answered("erasure"),
)


def _checkouts_agree(service: str) -> Invariant:
    return Invariant(
        f"checkouts agree: {service}",
        Promise.RECORDS_AGREE,
        f"In {service}, each checkout's item, amount, visitor and state are what its saga says.",
        "An amount, an item or a state that was changed in one service alone.",
        "cluster.health.checkers.agreement:checkouts_agree",
    )


def _rows_consistent(service: str) -> Invariant:
    return Invariant(
        f"rows consistent: {service}",
        Promise.RECORDS_AGREE,
        f"In {service}, no row contradicts its own columns, or what stands beside it.",
        "A state that the row's own amounts, steps or dates rule out.",
        "cluster.health.checkers.agreement:rows_consistent",
    )


def _digests_hold(service: str) -> Invariant:
    return Invariant(
        f"digests hold: {service}",
        Promise.RECORDS_AGREE,
        f"In {service}, what was recorded with a digest is as it was decided.",
        "A price, a limit or a message that was changed by hand.",
        "cluster.health.checkers.agreement:digests_hold",
    )


_AGREEMENT: Final = (
    *(_checkouts_agree(name) for name in ("identity", "catalog", "orders", "payments")),
    *(_rows_consistent(name) for name in ("site", "identity", "orders", "payments", "checkout")),
    Invariant(
        "catalogue agrees",
        Promise.RECORDS_AGREE,
        "The site offers each product by the name and at the price that catalog has.",
        "An announcement that the site's copy of the catalogue has missed.",
        "cluster.health.checkers.agreement:catalogue_agrees",
    ),
    *(_digests_hold(name) for name in ("site", "identity", "catalog")),
)


def _state_and_messages(service: str) -> Invariant:
    return Invariant(
        f"state and messages agree: {service}",
        Promise.NOTHING_LOST,
        f"In {service}, every change has its message and every message its change.",
        "Messages written in another transaction than the change: the outbox not atomic.",
        "cluster.health.checkers.streams:versions_match",
    )


def _everything_applied(service: str) -> Invariant:
    return Invariant(
        f"everything applied: {service}",
        Promise.NOTHING_LOST,
        f"{service} has applied every stream it hears to its end.",
        "A message acknowledged and not applied, or one that never left its outbox.",
        "cluster.health.checkers.streams:all_applied",
    )


_STREAMS: Final = (
    *(_state_and_messages(service) for service in DATABASES),
    Invariant(
        "stream seen whole",
        Promise.STREAM_WHOLE,
        "The site's stream counts on without a gap.",
        "An entry dropped from the journal, or a number given and not used.",
        "cluster.health.checkers.streams:stream_whole",
    ),
    Invariant(
        "nothing lost",
        Promise.NOTHING_LOST,
        "The journal has 1 to n of every stream, n being the producer's last sequence.",
        "A message deleted from its outbox before the broker had it: confirms not awaited.",
        "cluster.health.checkers.streams:nothing_lost",
    ),
    Invariant(
        "nothing from nowhere",
        Promise.NOTHING_FROM_NOWHERE,
        "Every journalled message was announced by a committed outbox.",
        "A message published without an outbox row, or before its transaction committed.",
        "cluster.health.checkers.streams:nothing_from_nowhere",
    ),
    *(_everything_applied(service) for service in RECEIVERS),
)
_DELIVERY: Final = (
    Invariant(
        "applied exactly once",
        Promise.APPLIED_ONCE,
        "No service applied a message twice.",
        "A delivery that is applied without asking whether it was applied before.",
        "cluster.health.checkers.delivery:applied_once",
    ),
    Invariant(
        "order per aggregate",
        Promise.IN_ORDER,
        "Every stream was applied in sequence; no message waits for an earlier one.",
        "A message applied before an earlier one of its stream, or one that was lost in between.",
        "cluster.health.checkers.delivery:applied_in_order",
    ),
    Invariant(
        "no message left in the dead letters",
        Promise.NOTHING_LOST,
        "Every message of an outbox was applied or replayed.",
        "A message that its receiver refuses each time.",
        "cluster.health.checkers.delivery:dead_letters_settled",
    ),
    Invariant(
        "duplicates",
        Promise.DUPLICATES,
        "Deliveries that came twice were recognised, and are counted.",
        "Nothing: it shows that the deduplication had something to do.",
        "cluster.health.checkers.delivery:duplicates_happened",
        counted=True,
    ),
    Invariant(
        "arrivals out of order",
        Promise.IN_ORDER,
        "Messages that came after a later one of their stream are counted.",
        "Nothing: it shows that keeping the order had something to do.",
        "cluster.health.checkers.delivery:arrivals_out_of_order",
        counted=True,
    ),
)

_EVERY: Final = (*_STOCK, *_MONEY, *_SAGAS, *_AGREEMENT, *_STREAMS, *_DELIVERY)
# In the order of the findings of `examine`.
INVARIANTS: Final[Mapping[str, Invariant]] = {invariant.name: invariant for invariant in _EVERY}
