"""The checkers of agreement name the facts of two rows that differ."""

from __future__ import annotations

from cluster.health.checkers.agreement import (
    Described,
    catalogue_agrees,
    checkouts_agree,
    digests_hold,
    rows_consistent,
)
from cluster.health.checkers.compare import Comparison, Difference
from cluster.health.checkers.finding import Finding, Outcome

MUG = Described("Mug", 900, 3, restocked=True)


def agree(left: str | None, right: str | None) -> Finding:
    return checkouts_agree("orders", Comparison(5, (Difference("c1", left, right),)))


def test_only_the_facts_that_differ_are_told() -> None:
    finding = agree("sku MUG\namount 500", "sku MUG\namount 501")

    assert finding.counterexamples == ["c1: amount: 500, not 501"]


def test_whose_checkout_and_card_it_is_is_not_told() -> None:
    finding = agree("visitor anna\ncard tok_ok", "visitor bert\ncard tok_slow")

    assert finding.counterexamples == ["c1: visitor differs; card differs"]


def test_a_row_that_is_missing_is_a_violation() -> None:
    assert agree("amount 500", None).counterexamples == ["c1: orders has no row of it"]


def test_a_row_without_a_saga_is_nobodys_checkout() -> None:
    assert agree(None, "amount 500\nstate released").outcome is Outcome.OK


def test_a_compensation_that_came_before_its_command_knows_nothing_else() -> None:
    tombstone = "visitor \nsku \nquantity 0\namount 0\nstate cancelled"

    assert agree("visitor anna\namount 500\nstate cancelled", tombstone).outcome is Outcome.OK


def test_a_contradiction_names_the_columns() -> None:
    finding = rows_consistent("payments", 3, [("p1", "captured, state")])

    assert finding.counterexamples == ["p1: captured, state cannot be, by its other columns"]


def test_rows_older_than_digests_are_counted_and_no_violation() -> None:
    finding = digests_hold("catalog", 4, 12, [])

    assert finding.outcome is Outcome.OK
    assert finding.sentence.endswith("Not checked, older than digests: 12.")


def test_a_row_that_changed_since_its_digest_is_named() -> None:
    finding = digests_hold("catalog", 4, 0, ["product MUG"])

    assert finding.counterexamples == ["product MUG: changed since it was recorded"]


def test_a_price_that_differs_between_catalog_and_the_site_is_found() -> None:
    dearer = Described("Mug", 901, 3, restocked=True)

    finding = catalogue_agrees({"MUG": MUG}, {"MUG": dearer})

    assert finding.counterexamples == ["MUG: price is 900 in catalog, 901 on the site"]


def test_what_the_site_cannot_know_of_a_product_is_no_difference() -> None:
    older = Described("Mug", 900, None, restocked=False)

    assert catalogue_agrees({"MUG": MUG}, {"MUG": older}).outcome is Outcome.OK


def test_a_product_on_one_side_alone_is_found() -> None:
    assert catalogue_agrees({"MUG": MUG}, {}).counterexamples == ["MUG: the site does not have it"]
    assert catalogue_agrees({}, {"MUG": MUG}).counterexamples == ["MUG: only the site has it"]
