"""A comparison over kept and closed rows names what differs, and nothing that is only closed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from cluster.health.checkers.compare import Difference, Digest, Row, merged, unexplained
from cluster.health.checkers.money import CLOSED, ledger_matches_provider
from cluster.payments.provider_api import Balance

BUCKET_COUNT = 4
OLD = tuple(f"old-{number}" for number in range(9))
YOUNG = tuple(f"young-{number}" for number in range(5))
ALL = {key: f"value of {key}" for key in (*OLD, *YOUNG)}


def row(key: str, value: str) -> Row:
    return Row(value, int(key[-1]) % BUCKET_COUNT, hash((key, value)))


def digest(values: Mapping[str, str]) -> Digest:
    rows = (row(*one) for one in values.items())
    return merged({one.bucket: (1, one.hash)} for one in rows)


def compared(
    left: Mapping[str, str],
    right: Mapping[str, str],
    *,
    closed: tuple[Collection[str], Collection[str]] = ((), ()),
    counted: bool = True,
) -> tuple[Difference, ...]:
    """Compare two maps of which some keys are closed on either side."""
    kept = tuple(
        {key: row(key, value) for key, value in side.items() if key not in gone}
        for side, gone in zip((left, right), closed, strict=True)
    )
    may_be_closed: Callable[[str], bool] = lambda key: key.startswith("old")  # noqa: E731
    return unexplained(
        (kept[0], kept[1]),
        (digest(left), digest(right)),
        range(BUCKET_COUNT),
        may_be_closed=may_be_closed,
        counted=counted,
    )


subsets = st.sets(st.sampled_from(OLD))


@given(subsets, subsets)
def test_equal_maps_are_equal_whatever_each_side_has_closed(
    left: set[str], right: set[str]
) -> None:
    assert compared(ALL, ALL, closed=(left, right)) == ()


@given(subsets, subsets, st.sampled_from(list(ALL)))
def test_a_row_that_one_side_has_lost_or_changed_is_found(
    left: set[str], right: set[str], key: str
) -> None:
    for other in ({**ALL, key: "another"}, {k: v for k, v in ALL.items() if k != key}):
        found = compared(ALL, other, closed=(left, right))

        assert len(found) == 1
        assert found[0].key == key or found[0].key.startswith("what was closed")


@given(subsets, subsets, st.sampled_from(YOUNG))
def test_a_young_row_is_named_whatever_is_closed_beside_it(
    left: set[str], right: set[str], key: str
) -> None:
    without = {k: v for k, v in ALL.items() if k != key}

    (found,) = compared(ALL, without, closed=(left, right))

    assert found == Difference(key, ALL[key], None)


def test_the_one_old_row_that_explains_a_bucket_is_named() -> None:
    without = {k: v for k, v in ALL.items() if k != "old-1"}

    (found,) = compared(ALL, without, closed=((), {"old-5"}))

    assert found == Difference("old-1", ALL["old-1"], None)


def test_without_balances_an_old_row_of_one_side_says_nothing() -> None:
    without = {k: v for k, v in ALL.items() if k not in ("old-1", "young-2")}

    found = compared(ALL, without, counted=False)

    assert [one.key for one in found] == ["young-2"]


def test_payments_that_one_side_has_closed_are_compared_with_the_provider_as_a_sum() -> None:
    def judged(ours: Mapping[str, Balance]) -> list[str]:
        theirs = {"old-1": Balance(0, 5), "old-2": Balance(0, 7), "young-1": Balance(0, 9)}
        finding = ledger_matches_provider(ours, theirs, lambda key: key.startswith("old"))
        return [violation.about for violation in finding.violations]

    kept = {"young-1": Balance(0, 9)}
    assert judged({**kept, CLOSED: Balance(0, 12)}) == []
    assert judged({**kept, CLOSED: Balance(0, 11)}) == [CLOSED, "old-1", "old-2"]
    assert judged({CLOSED: Balance(0, 12)}) == ["young-1"]
