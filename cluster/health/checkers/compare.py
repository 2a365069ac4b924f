"""Compare two maps that live in different databases, without loading what agrees.

Both sides are summed up into buckets by the same hash, computed by PostgreSQL;
only the rows of buckets that differ are read and compared one by one. The idea
is a Merkle tree of one level (Ralph Merkle, 1979), as anti-entropy repair uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

BUCKETS: Final = 1024  # in each part
# Rows of at most this many differing buckets of a part are read: enough for
# counterexamples, bounded when everything differs.
EXAMINED: Final = 64

# bucket → (number of rows, sum of the rows' hashes)
Digest: TypeAlias = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One key on which the sides disagree. None: that side does not have it."""

    key: str
    left: str | None
    right: str | None

    @property
    def about(self) -> str:
        """The id that the key ends with."""
        return self.key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Row:
    """The value of a key, with its bucket and its part of the bucket's sum."""

    value: str
    bucket: int
    hash: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of comparing `checked` keys, `partial` when more differ than were read."""

    checked: int
    differences: tuple[Difference, ...]
    partial: bool = False

    def only(self, which: Callable[[Difference], bool]) -> Comparison:
        """Return the comparison with some of its differences."""
        return replace(self, differences=tuple(filter(which, self.differences)))


def merged(digests: Iterable[Digest]) -> Digest:
    """Return the digest of the union of several maps without a common key."""
    total: dict[int, tuple[int, int]] = {}
    for digest in digests:
        for bucket, (rows, hashes) in digest.items():
            before_rows, before_hashes = total.get(bucket, (0, 0))
            total[bucket] = (before_rows + rows, before_hashes + hashes)
    return total


def differing_buckets(left: Digest, right: Digest) -> list[int]:
    """Return the buckets whose contents cannot be the same."""
    return sorted(
        bucket
        for bucket in left.keys() | right.keys()
        if left.get(bucket, (0, 0)) != right.get(bucket, (0, 0))
    )


def rows_of(digest: Digest) -> int:
    return sum(rows for rows, _ in digest.values())


def differences(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return every key on which two maps disagree, sorted."""
    return tuple(
        Difference(key, left.get(key), right.get(key))
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    )


def unexplained(
    rows: tuple[Mapping[str, Row], Mapping[str, Row]],
    totals: tuple[Digest, Digest],
    buckets: Sequence[int],
    *,
    may_be_closed: Callable[[str], bool],
    counted: bool,
) -> tuple[Difference, ...]:
    """Return the differences of these buckets that the closing of history does not explain.

    `totals` hold what is kept and, of a relation that is `counted`, what was closed. A key that one
    side alone has kept may be closed on the other: its bucket has the same total on both sides
    then. If it has not, and no kept row explains that, the closed rows of the bucket differ.
    """
    left, right = rows
    kept = differences(
        {key: row.value for key, row in left.items()},
        {key: row.value for key, row in right.items()},
    )
    by_bucket: dict[int, list[Difference]] = {bucket: [] for bucket in buckets}
    for one in kept:
        by_bucket[(left.get(one.key) or right[one.key]).bucket].append(one)
    found: list[Difference] = []
    for bucket, apart in by_bucket.items():
        doubtful = [d for d in apart if None in (d.left, d.right) and may_be_closed(d.key)]
        certain = [one for one in apart if one not in doubtful]
        found += certain
        if not counted:
            continue
        weights = {one.key: _weight(left.get(one.key), right.get(one.key)) for one in apart}
        total = _minus(totals[0].get(bucket, (0, 0)), totals[1].get(bucket, (0, 0)))
        for one in certain:
            total = _minus(total, weights[one.key])
        if total == (0, 0):
            continue
        every = (sum(weights[d.key][0] for d in doubtful), sum(weights[d.key][1] for d in doubtful))
        alone = next((d for d in doubtful if weights[d.key] == total), None)
        if alone is not None:
            found.append(alone)
        elif doubtful and every == total:
            found += doubtful
        else:
            found.append(_closed_apart(bucket, totals))
    return tuple(sorted(found, key=lambda one: one.key))


def _weight(left: Row | None, right: Row | None) -> tuple[int, int]:
    """Return by how much a key makes the total of the left side more than that of the right."""
    return _minus((1, left.hash) if left else (0, 0), (1, right.hash) if right else (0, 0))


def _minus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] - other[0], one[1] - other[1]


def _closed_apart(bucket: int, totals: tuple[Digest, Digest]) -> Difference:
    left, right = (
        "total {} rows with the sum {}".format(*side.get(bucket, (0, 0))) for side in totals
    )
    return Difference(f"what was closed at the horizon, bucket {bucket}", left, right)


def together(comparisons: Iterable[Comparison]) -> Comparison:
    """Return several comparisons as one."""
    every = list(comparisons)
    return Comparison(
        sum(comparison.checked for comparison in every),
        tuple(difference for comparison in every for difference in comparison.differences),
        any(comparison.partial for comparison in every),
    )
