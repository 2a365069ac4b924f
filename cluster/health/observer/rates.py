"""Messages a second, from totals that only grow and were read at irregular moments. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 10.0  # seconds
# Two looks are at least that far apart, or a rate of them says nothing.
SHORTEST: Final = 1.0  # seconds


@dataclass(slots=True)
class GrowingTotal:
    """How fast a total grows: over the last WINDOW seconds, or a little more."""

    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, at: float, total: int) -> None:
        """The total was read at `at` (seconds); a smaller one than before begins anew."""
        if self._samples and total < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((at, total))
        # One sample from before the window stays, so that the window is covered.
        while len(self._samples) > 1 and self._samples[1][0] <= at - WINDOW:
            self._samples.popleft()

    def per_second(self) -> float | None:
        """None until there are two readings."""
        if not self._samples:
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        if last_at - first_at < SHORTEST:
            return None
        return round((last - first) / (last_at - first_at), 2)


@dataclass(slots=True)
class Tally:
    """How often things of several kinds happened lately, from counts since the last look."""

    _looks: deque[tuple[float, Mapping[str, int]]] = field(default_factory=deque)
    _looked_at: float | None = None  # the moment up to which the first kept look reaches back

    def note(self, at: float, counts: Mapping[str, int]) -> None:
        """`counts` happened between the last look and `at` (seconds)."""
        if self._looked_at is None:
            self._looked_at = at  # what came before the first look is nobody's
            return
        self._looks.append((at, counts))
        while len(self._looks) > 1 and self._looks[0][0] <= at - WINDOW:
            self._looked_at = self._looks.popleft()[0]

    def per_second(self) -> dict[str, float] | None:
        """By kind; None until there are two looks."""
        if self._looked_at is None or not self._looks:
            return None
        passed = self._looks[-1][0] - self._looked_at
        if passed < SHORTEST:
            return None
        total: Counter[str] = Counter()
        for _, counts in self._looks:
            total.update(counts)
        return {kind: count / passed for kind, count in total.items()}
