"""Messages a second, from totals that only grow and were read at irregular moments. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 10.0  # seconds
# Two readings are at least so far apart, or their rate has no meaning.
SHORTEST: Final = 1.0  # seconds


@dataclass(slots=True)
class GrowingTotal:
    """The growth of a total over the last WINDOW seconds, or a little more."""

    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, at: float, total: int) -> None:
        """Record the total at `at` (seconds). A smaller one or an earlier time starts again."""
        if self._samples and (at < self._samples[-1][0] or total < self._samples[-1][1]):
            self._samples.clear()
        self._samples.append((at, total))
        # One sample from before the window stays, so that the window is covered.
        while len(self._samples) > 1 and self._samples[1][0] <= at - WINDOW:
            self._samples.popleft()

    def per_second(self) -> float | None:
        """Return the growth a second, or None until two readings are SHORTEST seconds apart."""
        if not self._samples:
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        if last_at - first_at < SHORTEST:
            return None
        return round((last - first) / (last_at - first_at), 2)


@dataclass(slots=True)
class Tally:
    """The recent rate of events of several kinds, from counts since the last reading."""

    _looks: deque[tuple[float, Mapping[str, int]]] = field(default_factory=deque)
    _looked_at: float | None = None  # the moment from which the first kept reading counts

    def note(self, at: float, counts: Mapping[str, int]) -> None:
        """Record `counts` of events between the last reading and `at` (seconds)."""
        last = self._looks[-1][0] if self._looks else self._looked_at
        if last is None or at < last:
            self._looks.clear()
            self._looked_at = at  # events before the first reading are not counted
            return
        self._looks.append((at, counts))
        while len(self._looks) > 1 and self._looks[0][0] <= at - WINDOW:
            self._looked_at = self._looks.popleft()[0]

    def per_second(self) -> dict[str, float] | None:
        """Return events a second by kind, or None until there are two readings."""
        if self._looked_at is None or not self._looks:
            return None
        passed = self._looks[-1][0] - self._looked_at
        if passed < SHORTEST:
            return None
        total: Counter[str] = Counter()
        for _, counts in self._looks:
            total.update(counts)
        return {kind: count / passed for kind, count in total.items()}
