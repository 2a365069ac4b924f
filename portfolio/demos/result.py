"""The result of a demo's run: the requests, rows, messages, figures and checks it produced.

It is kept as JSON, drawn by the demo's page, and returned by the API.
"""

from __future__ import annotations

import shlex
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from portfolio.traces.tree import Row, Segment

SHOWN_BODY: Final = 4_000  # characters of a body that are kept
Outcome = Literal["ok", "fail", "info"]


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One bar over time: the code of a service, a label, and stretches of time.

    It is drawn as the row of a trace's waterfall is, and its members are those of such a row.
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


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request and its answer. `path` begins with a slash, and bodies are text.

    `origin` is where it went (scheme, host and port) when that was not this site.
    """

    method: str
    path: str
    status: int
    milliseconds: float
    request_headers: dict[str, str] = {}
    request_body: str = ""
    response_headers: dict[str, str] = {}
    response_body: str = ""
    note: str = ""  # one sentence on what it shows
    origin: str = ""

    def curl(self, site: str) -> str:
        """Return the request as a line for a shell. Credentials are named, never shown."""
        parts = ["curl", "-i"]
        if self.method != "GET":
            parts += ["-X", self.method]
        for name, value in self.request_headers.items():
            parts += ["-H", f"{name}: {value}"]
        if self.request_body:
            parts += ["-d", self.request_body]
        return shlex.join([*parts, f"{self.origin or site}{self.path}"])


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as they stood in a database. `database` is the service's name or `site`.

    `database` is empty for a table that the demo itself has compared or measured.
    """

    caption: str
    database: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number that was counted or measured, with its unit in words."""

    label: str
    value: str


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """An invariant that was checked after the run."""

    name: str
    outcome: Outcome
    sentence: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A page of this site that shows more. `path` begins with a slash."""

    path: str
    words: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the ways in which it was done. A demo that compares has two.

    `lanes` are drawn over time, in one picture.
    """

    title: str
    sentence: str = ""
    links: tuple[Link, ...] = ()
    lanes: tuple[Lane, ...] = ()
    figures: tuple[Figure, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    tables: tuple[Table, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The whole result of a run. `headline` is a summary of one sentence.

    `correlations` are the sagas that it started: the page shows their messages as they come.
    """

    headline: str
    sides: tuple[Side, ...] = ()
    checks: tuple[Check, ...] = ()
    correlations: tuple[UUID, ...] = ()

    @property
    def held(self) -> bool:
        """Return whether no invariant was violated."""
        return all(check.outcome != "fail" for check in self.checks)


def check(name: str, *, holds: bool, sentence: str) -> Check:
    """Return a check that holds or fails. `sentence` says what was found, with its numbers."""
    return Check(name=name, outcome="ok" if holds else "fail", sentence=sentence)


def note(name: str, sentence: str, *, holds: bool = False) -> Check:
    """Return a check that does not fail: without `holds` it only says what was counted."""
    return Check(name=name, outcome="ok" if holds else "info", sentence=sentence)


def figure(label: str, value: Any, unit: str = "") -> Figure:
    """Return a figure, with floats to three significant digits."""
    said = f"{value:.3g}" if isinstance(value, float) else str(value)
    return Figure(label=label, value=f"{said} {unit}".rstrip())
