"""Each checker can fail, and its counterexample names what is wrong."""

from __future__ import annotations

import pytest

from cluster.health.checkers import delivery, limits, money, sagas, stock, streams
from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.finding import Finding, Outcome
from cluster.payments.provider_api import Balance


def comparison(*differences: Difference, checked: int = 5) -> Comparison:
    return Comparison(checked, differences)


def the_counterexample(finding: Finding) -> str:
    assert finding.outcome is Outcome.FAIL
    (only,) = finding.counterexamples
    return only


class TestStock:
    BOOKS = stock.ProductBooks(
        "MUG", listed=10, available=5, reserved=2, sold=3, reservations=2, sales=4, returns=1
    )

    def change(self, **columns: int) -> list[stock.ProductBooks]:
        fields = {name: getattr(self.BOOKS, name) for name in self.BOOKS.__slots__}
        return [stock.ProductBooks(**{**fields, **columns})]

    def test_is_conserved_when_everything_adds_up(self) -> None:
        finding = stock.stock_conserved([self.BOOKS])
        assert (finding.outcome, finding.checked) == (Outcome.OK, 1)

    @pytest.mark.parametrize(
        ("columns", "told"),
        [
            ({"listed": 11}, "MUG: 11 came in, but 5 available + 2 reserved + 3 sold = 10"),
            ({"reservations": 1}, "MUG: 2 counted as reserved, its open reservations hold 1"),
            ({"sales": 5}, "MUG: 3 counted as sold, its rows say 5 sold - 1 returned"),
            (
                {"available": -1, "listed": 4},
                "MUG: oversold (available -1, reserved 2, sold 3)",
            ),
        ],
    )
    def test_is_not_conserved(self, columns: dict[str, int], told: str) -> None:
        assert told == the_counterexample(stock.stock_conserved(self.change(**columns)))

    def test_a_completed_checkout_without_a_sale_is_found(self) -> None:
        finding = stock.sales_match_checkouts(comparison(Difference("c1", "1 x MUG", None)))
        assert the_counterexample(finding) == "c1: the checkout says 1 x MUG, catalog sold nothing"

    def test_a_sale_from_nowhere_is_found(self) -> None:
        finding = stock.sales_match_checkouts(comparison(Difference("c1", None, "1 x MUG")))
        assert (
            the_counterexample(finding)
            == "c1: the checkout says nothing sold, catalog sold 1 x MUG"
        )


class TestMoney:
    def test_a_ledger_that_sums_to_zero_balances(self) -> None:
        assert money.ledger_balances(money.Ledger(4, 0, 2, [])).outcome is Outcome.OK

    def test_a_transaction_that_does_not_sum_to_zero_is_found(self) -> None:
        finding = money.ledger_balances(money.Ledger(4, 0, 2, [("captured x", 5)]))
        assert the_counterexample(finding) == "transaction captured x sums to 5 p"

    def test_a_ledger_that_does_not_sum_to_zero_in_all_is_found(self) -> None:
        finding = money.ledger_balances(money.Ledger(4, 7, 2, []))
        assert the_counterexample(finding) == "all entries together sum to 7 p"

    def test_an_authorisation_left_over_is_found(self) -> None:
        finding = money.nothing_left_authorised(3, [("p1", 900)])
        assert the_counterexample(finding) == "payment p1 still has 900 p authorised"

    def test_a_payment_of_nothing_may_be_missing_on_either_side(self) -> None:
        ours = {"p1": Balance(0, 900), "p2": Balance(0, 0)}
        theirs = {"p1": Balance(0, 900), "p3": Balance(0, 0)}
        assert money.ledger_matches_provider(ours, theirs).outcome is Outcome.OK

    def test_books_that_differ_from_the_providers_are_found(self) -> None:
        finding = money.ledger_matches_provider({"p1": Balance(0, 900)}, {"p1": Balance(900, 0)})
        assert the_counterexample(finding) == (
            "payment p1: the ledger has 0 p authorised and 900 p captured, "
            "the provider's books 900 p authorised and 0 p captured"
        )

    def test_money_kept_of_a_checkout_that_was_compensated_is_found(self) -> None:
        finding = money.captures_match_checkouts(comparison(Difference("c1", None, "900")))
        assert the_counterexample(finding) == "c1: the checkout cost nothing p, 900 p is captured"


class TestLimits:
    BOOKS = limits.VisitorBooks(
        "ann", limit=100, held=10, spent=20, holds=10, spends=25, restorations=5
    )

    def test_are_conserved_when_everything_adds_up(self) -> None:
        assert limits.limits_conserved([self.BOOKS]).outcome is Outcome.OK

    @pytest.mark.parametrize(
        ("column", "value", "told"),
        [
            ("holds", 0, "ann: 10 p counted as held, open holds are 0 p"),
            ("spends", 30, "ann: 20 p counted as spent, its rows say 30 p spent - 5 p given back"),
            ("limit", 29, "ann: 10 p held + 20 p spent is outside the limit of 29 p"),
        ],
    )
    def test_are_not_conserved(self, column: str, value: int, told: str) -> None:
        fields = {name: getattr(self.BOOKS, name) for name in self.BOOKS.__slots__}
        books = limits.VisitorBooks(**{**fields, column: value})
        assert told == the_counterexample(limits.limits_conserved([books]))

    def test_a_completed_checkout_that_spent_nothing_is_found(self) -> None:
        finding = limits.spending_matches_checkouts(comparison(Difference("c1", "900", None)))
        assert the_counterexample(finding) == (
            "c1: the checkout cost 900 p, nothing p of the limit was spent"
        )


class TestSagas:
    def test_one_that_has_not_ended_is_found(self) -> None:
        finding = sagas.sagas_end(2, [sagas.OpenSaga("c1", "running", "2", overdue=False)])
        assert the_counterexample(finding) == "c1: running at 2"

    def test_one_that_is_overdue_is_not_excused_as_in_flight(self) -> None:
        finding = sagas.sagas_end(2, [sagas.OpenSaga("c1", "running", "2", overdue=True)])
        assert the_counterexample(finding) == "c1: running at 2, long after its deadline"
        assert finding.violations[0].about == ""

    def test_an_accepted_checkout_without_a_saga_is_found(self) -> None:
        finding = sagas.requests_answered(
            "checkout", comparison(Difference("c1", "accepted", None))
        )
        assert the_counterexample(finding) == ("checkout c1: it has no saga")

    def test_a_request_that_says_otherwise_than_its_saga_names_the_facts_that_differ(self) -> None:
        asked = "status completed\namount 500\nvisitor anna"
        done = "status completed\namount 501\nvisitor bert"
        finding = sagas.requests_answered("checkout", comparison(Difference("c1", asked, done)))
        assert the_counterexample(finding) == (
            "checkout c1: by the site and its saga, amount: 500, not 501; visitor differs"
        )

    def test_a_hold_that_outlived_its_checkout_is_found(self) -> None:
        finding = sagas.no_orphans("hold", comparison(Difference("c1", None, "held")))
        assert the_counterexample(finding) == "hold c1: held, and its checkout did not complete"

    def test_an_order_missing_of_a_completed_checkout_is_found(self) -> None:
        finding = sagas.no_orphans("order", comparison(Difference("c1", "fulfilled", None)))
        assert the_counterexample(finding) == (
            "order c1: missing, and its checkout wants it fulfilled"
        )

    def test_a_refund_that_has_not_ended_is_found(self) -> None:
        finding = sagas.refunds_end(1, [("r1", "requested")])
        assert the_counterexample(finding) == "refund r1: still requested"

    def test_a_refund_whose_items_did_not_come_back_is_found(self) -> None:
        finding = sagas.refunds_whole(
            "the items are back", comparison(Difference("r1", "done", None))
        )
        assert the_counterexample(finding) == (
            "refund r1: orders says done, the items are back: not done"
        )


class TestStreams:
    def test_a_message_the_journal_never_got_is_lost(self) -> None:
        finding = streams.nothing_lost(comparison(Difference("identity hold/c1", "2", "1")))
        assert the_counterexample(finding) == "identity's hold/c1: 2 announced, the journal has 1"

    def test_a_gap_in_the_journal_is_a_loss(self) -> None:
        finding = streams.nothing_lost(comparison(Difference("identity hold/c1", "3", "2 of 3")))
        assert the_counterexample(finding) == (
            "identity's hold/c1: 3 announced, the journal has 2 of 3"
        )

    def test_a_stream_nobody_announced_comes_from_nowhere(self) -> None:
        invented = comparison(Difference("identity hold/c1", None, "1"))
        assert the_counterexample(streams.nothing_from_nowhere(invented)) == (
            "identity's hold/c1: the journal has 1, none announced"
        )
        assert streams.nothing_lost(invented).outcome is Outcome.OK

    def test_more_than_was_announced_comes_from_nowhere(self) -> None:
        ahead = comparison(Difference("identity hold/c1", "9", "10"))
        assert streams.nothing_from_nowhere(ahead).outcome is Outcome.FAIL
        assert streams.nothing_lost(ahead).outcome is Outcome.OK

    def test_what_a_pruned_journal_forgot_is_not_lost(self) -> None:
        forgotten = comparison(Difference("identity hold/c1", "2", None))
        remembered = streams.remembered(forgotten, pruned=True)
        assert streams.nothing_lost(remembered).outcome is Outcome.OK

    def test_a_receiver_that_stopped_short_is_found(self) -> None:
        finding = streams.all_applied(
            "catalog", comparison(Difference("checkout sale/c1", "2", "1"))
        )
        assert the_counterexample(finding) == "checkout's sale/c1: 2 sent, 1 applied"

    def test_a_change_that_was_never_announced_is_found(self) -> None:
        finding = streams.versions_match("orders", comparison(Difference("order/c1", "2", "1")))
        assert the_counterexample(finding) == (
            "order/c1: its row changed 2 times, 1 messages announced"
        )
        assert not finding.at_rest  # one snapshot of one database: true at any moment

    def test_a_whole_stream_has_no_gap(self) -> None:
        whole = streams.JournalExtent(rows=3, first=4, last=6, gaps=[])
        assert streams.stream_whole(whole).outcome is Outcome.OK

    def test_a_gap_in_the_stream_is_found(self) -> None:
        extent = streams.JournalExtent(rows=2, first=1, last=3, gaps=[(1, 3)])
        assert the_counterexample(streams.stream_whole(extent)) == "seq 1 is followed by 3"


class TestDelivery:
    def test_a_message_applied_twice_is_found(self) -> None:
        twice = delivery.Repeated("orders", "m1", "orders.confirm_order.v1", 2)
        assert the_counterexample(delivery.applied_once(9, [twice])) == (
            "orders applied orders.confirm_order.v1 m1 2 times"
        )

    def test_a_message_parked_for_ever_is_found(self) -> None:
        waiting = delivery.Waiting("orders", "checkout", "order/c1", 3)
        finding = delivery.applied_in_order(9, [waiting], [])
        assert the_counterexample(finding) == (
            "orders still waits for what comes before 3 of checkout's order/c1"
        )
        assert finding.at_rest

    def test_a_message_applied_before_an_earlier_one_is_found(self) -> None:
        early = delivery.Misplaced("orders", "checkout", "order/c1", 3, before=1, position=None)
        finding = delivery.applied_in_order(9, [], [early])
        assert the_counterexample(finding) == "orders applied 3 of checkout's order/c1 after 1"
        assert not finding.at_rest  # no message in flight can correct it

    def test_a_stream_that_stands_elsewhere_than_its_last_message_is_found(self) -> None:
        skipped = delivery.Misplaced("orders", "checkout", "order/c1", 2, before=1, position=3)
        assert the_counterexample(delivery.applied_in_order(9, [], [skipped])) == (
            "orders applied 2 of checkout's order/c1 last, and stands at 3"
        )

    def test_our_own_message_left_among_the_dead_letters_is_found(self) -> None:
        letter = delivery.Undelivered("orders:1", "x.y.v1", "permanent", announced=True)
        assert the_counterexample(delivery.dead_letters_settled(1, [letter])) == (
            "orders:1: x.y.v1, permanent; not replayed"
        )

    def test_a_strangers_poison_is_kept_and_breaks_nothing(self) -> None:
        letter = delivery.Undelivered("orders:1", "x.y.v1", "invalid", announced=False)
        finding = delivery.dead_letters_settled(1, [letter])
        assert finding.outcome is Outcome.OK
        assert "sent by no outbox: 1" in finding.sentence

    def test_duplicates_are_counted_not_judged(self) -> None:
        finding = delivery.duplicates_happened({"orders": 2, "catalog": 0})
        assert (finding.outcome, finding.checked) == (Outcome.INFO, 2)
        assert finding.sentence == "Deliveries that came twice, done once: orders 2."
