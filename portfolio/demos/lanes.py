"""Bars over time that a demo has measured, drawn as a trace's waterfall is."""

from __future__ import annotations

import msgspec

from portfolio.traces.tree import Row, Segment


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the picture: the code of a service, a label, and stretches of time.

    Its members are those of a trace's row.
    """

    code: str
    label: str
    segments: tuple[Segment, ...]
    error: str = ""

    @property
    def start(self) -> int:
        return min(segment.start for segment in self.segments)

    @property
    def end(self) -> int:
        return max(segment.end for segment in self.segments)


def lane_of(row: Row) -> Lane:
    """Return a row of a trace in the form that is kept with a result."""
    return Lane(code=row.code, label=row.label, segments=row.segments, error=row.error)
