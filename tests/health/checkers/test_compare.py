"""The checkers compare maps by digests, and know which service consumes which stream."""

from __future__ import annotations

from cluster.health.checkers.compare import (
    Comparison,
    Difference,
    differences,
    differing_buckets,
    merged,
    together,
)
from cluster.health.checkers.subscriptions import aggregates_consumed
from cluster.services import load_all


def test_equal_digests_need_no_further_look() -> None:
    assert differing_buckets({1: (2, 77)}, {1: (2, 77)}) == []


def test_buckets_differ_by_their_rows_their_hashes_or_their_absence() -> None:
    left = {1: (2, 77), 2: (1, 5), 3: (1, 9), 4: (1, 1)}
    right = {1: (3, 77), 2: (1, 6), 4: (1, 1), 5: (1, 1)}
    assert differing_buckets(left, right) == [1, 2, 3, 5]


def test_an_empty_bucket_equals_an_absent_one() -> None:
    assert differing_buckets({1: (0, 0)}, {}) == []


def test_the_digest_of_a_union_is_the_sum_of_the_digests() -> None:
    assert merged([{1: (1, 10)}, {1: (2, 5), 2: (1, 1)}]) == {1: (3, 15), 2: (1, 1)}


def test_differences_name_both_sides() -> None:
    found = differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "9", "d": "4"})
    assert found == (
        Difference("b", "2", "9"),
        Difference("c", "3", None),
        Difference("d", None, "4"),
    )


def test_comparisons_add_up() -> None:
    one = Comparison(3, (Difference("a", "1", None),), partial=True)
    other = Comparison(4, ())
    assert together([one, other]) == Comparison(7, one.differences, partial=True)


def test_the_owner_of_a_command_hears_it_from_whoever_sends_it() -> None:
    heard = aggregates_consumed(load_all())
    assert "saga" in heard["checkout"]["site"]
    assert "hold" in heard["identity"]["checkout"]


def test_an_event_is_heard_from_its_publisher_alone() -> None:
    heard = aggregates_consumed(load_all())
    assert "hold" in heard["checkout"]["identity"]
    assert "hold" not in heard["checkout"].get("orders", [])
    assert "sale" not in heard["checkout"]["catalog"]  # only the journal consumes events of sales


def test_the_journal_is_no_receiver_of_its_own_kind() -> None:
    assert "site" not in aggregates_consumed(load_all())
