"""Compare two maps that live in different databases, without loading what agrees.

Both sides are summed up into buckets by the same hash, computed by PostgreSQL;
only the rows of buckets that differ are read and compared one by one. The idea
is a Merkle tree of one level (Ralph Merkle, 1979), as anti-entropy repair uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


def together(comparisons: Iterable[Comparison]) -> Comparison:
    """Return several comparisons as one."""
    every = list(comparisons)
    return Comparison(
        sum(comparison.checked for comparison in every),
        tuple(difference for comparison in every for difference in comparison.differences),
        any(comparison.partial for comparison in every),
    )
