"""Drawings of the train graph, and sentences on them: the journal, a recording, one saga.

For a page a drawing is a `<div class="train-graph">` of two SVGs, the rails' names and the
plot, coloured by `train-graph.css`; a column narrower than the plot shows its right end at
full size. A picture is one SVG of a fixed size that carries its own style, for OpenGraph or a
file. All raise `django.db.Error` when the journal cannot be read, except for `incident_svg`,
which reads none.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from django.contrib.staticfiles import finders

from cluster.health.observer.client import latest
from cluster.kit.graph import svg
from cluster.kit.graph.journal import entries_of, latest_entries
from cluster.kit.graph.layout import Flag, Frame, Scene, place, visible
from cluster.kit.graph.model import (
    GraphEvent,
    Journey,
    Outage,
    Traffic,
    graph_event,
    milliseconds,
    outage,
    read_traffic,
)
from cluster.kit.graph.rails import FLAGS_HEIGHT
from cluster.kit.graph.scale import Scale, clock, idle_breaks, seconds, squashed
from cluster.storefront.events import StreamEvent

PLOT_WIDTH: Final = 1004.0  # pixels: the page's 69rem less the names
# One saga is drawn for a phone, for a column of text and for a page.
SAGA_WIDTHS: Final = {"small": 312.0, "middle": 540.0, "large": PLOT_WIDTH}
# The graph reads so much before the window too, for sagas that had begun by then.
LEAD: Final = timedelta(seconds=8)
# A recording is wide enough to read: so many pixels for a second, within these widths.
RECORDED_PIXELS: Final = 40
WIDEST: Final = 2400.0
SIDE: Final = 26  # pixels of margin, left and right of a drawing with a beginning and an end
SAID_SIDE: Final = 92  # right of one saga: room for its last words

COUNTED: Final = (
    ("completed", "completed"),
    ("compensated", "compensated"),
    ("running", "in flight"),
)

Theme = Literal["light", "dark"]

PICTURE: Final = re.compile(r"/\* picture \*/(.*?)/\* end of picture \*/", re.DOTALL)
TOKEN: Final = re.compile(r"(--[\w-]+):\s*([^;]+);")
EITHER: Final = re.compile(r"light-dark\(([^,]+),\s*([^)]+)\)")
USE: Final = re.compile(r"var\((--[\w-]+)\)")


@functools.cache
def picture_style(theme: Theme) -> str:
    """Return the rules that a picture carries, in `theme`'s colours.

    A raster or a file knows no custom properties, so those of `train-graph.css` are replaced by
    the values in `tokens.css`: there is one source for each colour.
    """
    rules = PICTURE.search(_text("kit/train-graph.css"))
    if rules is None:
        raise LookupError("train-graph.css does not say which of its rules a picture carries")
    tokens = _tokens(theme)
    return USE.sub(lambda use: tokens[use[1]], rules[1]).strip()


def _tokens(theme: Theme) -> dict[str, str]:
    """Return the value of each token in `theme`, from its first mention. Others are for print."""
    chosen = 1 if theme == "light" else 2
    tokens: dict[str, str] = {}
    for name, value in TOKEN.findall(_text("kit/tokens.css")):
        tokens.setdefault(name, EITHER.sub(lambda either: either[chosen], value))
    return tokens


def _text(name: str) -> str:
    path = finders.find(name)
    if path is None:
        raise LookupError(f"{name} is not among the static files")
    return Path(path).read_text(encoding="utf-8")


class Drawing(msgspec.Struct, frozen=True):
    """A complete drawing before it is written as SVG."""

    traffic: Traffic
    outages: list[Outage]
    frame: Frame
    scene: Scene
    title: str
    words: str

    def html(self, *, key: str, fits: str = "") -> str:
        """Return the names and the plot as HTML for a page, with ids made from `key`.

        `fits` is for one of several widths: only the one that the column has room for is shown.
        """
        drawn = svg.plot(self.scene, self.frame, key=key, title=self.title, words=self.words)
        names = svg.names(top=self.frame.top)
        return f'<div class="train-graph {fits}"><div class="fit">{names}{drawn}</div></div>'

    def picture(self, theme: Theme = "light") -> str:
        """Return one SVG with its own style, for a file."""
        style = picture_style(theme)
        return svg.picture(self.scene, self.frame, style=style, title=self.title, words=self.words)


class Recording(msgspec.Struct, frozen=True):
    """A recorded incident in the form that its players and its pictures draw."""

    title: str
    traffic: Traffic
    outages: list[Outage]
    flags: list[Flag]
    begins: int
    ends: int
    scale: Scale  # with `pixels` as pixels for each millisecond of a picture


def live_svg(window: int) -> str:
    """Return a picture of the last `window` seconds of the cluster, as they are now."""
    return live(window, latest_entries(timedelta(seconds=window) + LEAD), outages_now()).picture()


def saga_svg(saga: UUID) -> str:
    """Return a picture of one saga at its own scale of time."""
    return one_saga(entries_of(saga)).picture()


def incident_svg(incident: Any, *, theme: Theme = "light") -> str:
    """Return a picture of a recorded incident from its beginning to its end."""
    return whole(recording(incident), width=1100.0).picture(theme)


def saga_html(events: Sequence[GraphEvent], *, key: str) -> str:
    """Return one saga drawn for each of SAGA_WIDTHS, of which a style sheet shows one."""
    drawn = "".join(
        one_saga(events, width=width).html(key=f"{key}-{fits}", fits=fits)
        for fits, width in SAGA_WIDTHS.items()
    )
    return f'<div class="graph-fits">{drawn}</div>'


def live(window: int, events: Sequence[GraphEvent], outages: Sequence[Outage] = ()) -> Drawing:
    """Return the last `window` seconds, with the present a little before the right edge."""
    traffic, width = read_traffic(events), PLOT_WIDTH
    now = milliseconds(datetime.now(UTC))
    begins = now - window * 1000
    pixels = (width - svg.NOW_MARGIN) / (window * 1000)
    frame = Frame(
        scale=Scale(begins, pixels),
        begins=begins,
        ends=now + round(svg.NOW_MARGIN / pixels),
        at=now,
        width=width,
        moving=True,
    )
    words = summary(traffic, outages, frame, during=f"in the last {window} s")
    return Drawing(
        traffic=traffic,
        outages=list(outages),
        frame=frame,
        scene=place(traffic, outages, frame),
        title="Train graph of the cluster as it runs",
        words=words,
    )


def outages_now() -> list[Outage]:
    """Return the outages of now and of a short while ago, none when the observer is away itself."""
    snapshot = latest()
    return [] if snapshot is None else [outage(span) for span in snapshot.outages]


def one_saga(events: Sequence[GraphEvent], *, width: float = PLOT_WIDTH) -> Drawing:
    """Return one saga from its first event to its last, or to the present while it runs."""
    traffic = read_traffic(events)
    journeys = traffic.journeys
    begins = min((journey.first for journey in journeys), default=milliseconds(datetime.now(UTC)))
    over = all(journey.ended is not None for journey in journeys)
    last = max((journey.last for journey in journeys), default=begins)
    ends = last if over else milliseconds(datetime.now(UTC))
    return _between(
        traffic,
        [],
        begins=begins,
        ends=max(ends, begins + 50),
        width=width,
        title="Train graph of one saga",
        words=_one(traffic),
        counted_from=begins,
    )


def whole(recorded: Recording, *, width: float | None = None) -> Drawing:
    """Return a recording as it ended."""
    begins, ends, breaks = recorded.begins, recorded.ends, recorded.scale.breaks
    shown = squashed(ends, breaks) - squashed(begins, breaks)
    natural = min(max(shown / 1000 * RECORDED_PIXELS, PLOT_WIDTH), WIDEST)
    drawing = _between(
        recorded.traffic,
        recorded.outages,
        begins=begins,
        ends=ends,
        width=width or natural,
        title=f"Train graph of a recorded incident: {recorded.title}",
        words="",
        breaks=breaks,
        flags=recorded.flags,
    )
    during = "in this recording"
    words = summary(drawing.traffic, drawing.outages, drawing.frame, during=during)
    return msgspec.structs.replace(drawing, words=words)


def recording(incident: Any) -> Recording:
    """Return an incident as the graph draws it, from the recorder's form (mapping or object)."""

    def of(name: str, default: Any = None) -> Any:
        if isinstance(incident, Mapping):
            return incident.get(name, default)
        return getattr(incident, name, default)

    events = [graph_event(event) for event in msgspec.convert(of("events"), list[StreamEvent])]
    traffic = read_traffic(sorted(events, key=lambda event: event.seq))
    outages = [outage(span) for span in of("outages", [])]
    flags = [Flag(milliseconds(mark["at"]), mark["label"]) for mark in of("marks", [])]
    begins, ends = milliseconds(of("began")), milliseconds(of("ended"))
    moments = sorted(
        at
        for at in {begins, ends, *(event.at for event in events), *(flag.at for flag in flags)}
        if begins <= at <= ends
    )
    busy = [(span.began, ends if span.ended is None else span.ended) for span in outages]
    breaks = idle_breaks(moments, busy)
    return Recording(
        of("title"), traffic, outages, flags, begins, ends, Scale(begins, 0.04, breaks)
    )


def _one(traffic: Traffic) -> str:
    if not traffic.journeys:
        return "The journal holds nothing of this saga."
    return " ".join(told(journey) for journey in traffic.journeys)


def _between(
    traffic: Traffic,
    outages: list[Outage],
    *,
    begins: int,
    ends: int,
    width: float,
    title: str,
    words: str,
    counted_from: int | None = None,
    breaks: tuple[Any, ...] = (),
    flags: Sequence[Flag] = (),
) -> Drawing:
    """Return all between two moments, spread over the width less its sides."""
    shown = squashed(ends, breaks) - squashed(begins, breaks)
    right = SIDE if counted_from is None else SAID_SIDE
    pixels = (width - SIDE - right) / shown
    margin = round(SIDE / pixels)
    frame = Frame(
        scale=Scale(begins - margin, pixels, tuple(breaks)),
        begins=begins - margin,
        ends=ends + round(right / pixels),
        at=ends,
        width=width,
        counted_from=counted_from,
        top=FLAGS_HEIGHT if flags else 0,
    )
    scene = place(traffic, outages, frame, flags)
    return Drawing(traffic, outages, frame, scene, title, words)


def summary(traffic: Traffic, outages: Sequence[Outage], frame: Frame, *, during: str) -> str:
    """Return a few sentences on a frame. `during` is a phrase such as "in the last 12 s"."""
    journeys = [j for j in traffic.journeys if j.kind == "checkout" and visible(j, frame)]
    spans = [s for s in outages if s.began <= frame.at and (s.ended or frame.at) >= frame.begins]
    return " ".join([_counted(journeys, during), *(_away(span, frame.at) for span in spans)])


def told(journey: Journey) -> str:
    """Return one journey in one sentence."""
    steps = [stop for stop in journey.stops if not stop.small]
    path = ", ".join(f"{stop.rail} {stop.verb}" for stop in steps)
    how = "Under way"
    if journey.ended is not None:
        how = journey.outcome.capitalize()
        if journey.began is not None:
            how += f" in {seconds(journey.ended - journey.began)}"
    return f"{journey.headcode}. {how}: {path or 'nobody has answered yet'}."


def _counted(journeys: Iterable[Journey], during: str) -> str:
    outcomes = Counter(journey.outcome for journey in journeys)
    count = outcomes.total()
    if count == 0:
        return f"No checkout {during}."
    # In the order of COUNTED, completed ones first, not by the alphabet.
    parts = [f"{outcomes[outcome]} {words}" for outcome, words in COUNTED if outcomes[outcome]]
    return f"{count} checkout{'s' if count > 1 else ''} {during}: {', '.join(parts)}."


def _away(span: Outage, at: int) -> str:
    if span.ended is None or span.ended > at:
        return f"{span.process} has been away since {clock(span.began)}: {span.cause}."
    return f"{span.process} was away for {seconds(span.ended - span.began)}: {span.cause}."
