"""Whole figures for a page: controls, drawing, caption, and the data as a table.

Each works without JavaScript; `train-graph.js` then lets the live one follow the
journal and the recorded one be played. Where the journal cannot be read, a figure says so.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from cluster.kit.graph import draw
from cluster.kit.graph.journal import entries_of, knows, latest_entries
from cluster.kit.graph.model import GraphEvent, milliseconds
from cluster.kit.graph.rails import RAILS
from cluster.kit.graph.scale import seconds
from cluster.kit.graph.tables import journey_rows, outage_rows, stop_rows
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.queries import last_seq

WINDOWS: Final = (4, 12, 60)  # seconds to choose from
AWAY: Final = "The journal cannot be read at this moment, so there is nothing to draw."
CAPTION: Final = (
    "Each slanted line is a checkout on its way through the services, from left to right; "
    "the slope is the time a service took."
)
SAGA_CAPTION: Final = (
    "The line rests on a rail until CHK has asked the next service, "
    "and slopes until that one has answered."
)


def live_figure(window: int = 12, *, caption: str = CAPTION) -> SafeString:
    """Return a figure of the last `window` seconds, which then follows the cluster."""
    found = read_or(None, lambda: _latest(timedelta(seconds=max(window, 60))))
    if found is None:
        return _render({"kind": "live", "away": AWAY, "caption": caption})
    minute, reached = found
    since = milliseconds(datetime.now(UTC) - timedelta(seconds=window) - draw.LEAD)
    recent = [event for event in minute if event.at >= since]
    drawing = draw.live(window, recent, draw.outages_now())
    key = _key()
    return _render(
        {
            "kind": "live",
            "key": key,
            "drawing": mark_safe(drawing.html(key=key)),  # noqa: S308 - escaped where written
            "words": drawing.words,
            "caption": caption,
            "window": window,
            "windows": WINDOWS,
            "drawn": drawing.frame.at,
            "drawn_at": datetime.now(UTC),
            # The browser draws the entries that follow these, so that its picture begins as ours.
            "after": recent[0].seq - 1 if recent else reached,
            "after_minute": minute[0].seq - 1 if minute else reached,
            "rails": RAILS,
            "journeys": journey_rows(drawing.traffic, drawing.frame),
            "outages": outage_rows(drawing.outages, drawing.frame),
        }
    )


def _latest(period: timedelta) -> tuple[list[GraphEvent], int]:
    """Return the latest entries of the journal, and the number of the last one of all."""
    entries = latest_entries(period)
    return entries, entries[-1].seq if entries else last_seq()


def saga_figure(saga: UUID, *, caption: str = SAGA_CAPTION) -> SafeString:
    """Return a figure of one saga at its own scale, which follows the saga while it runs."""
    # The number first, so that an entry between the two is in both.
    found = read_or(None, lambda: (last_seq(), entries_of(saga)))
    if found is None:
        return _render({"kind": "saga", "away": AWAY, "caption": caption})
    reached, events = found
    key = _key()
    drawing = draw.one_saga(events)
    journeys = drawing.traffic.journeys
    running = any(journey.ended is None for journey in journeys) or not journeys
    return _render(
        {
            "kind": "saga",
            "key": key,
            "saga": str(saga),
            "running": running,
            "drawing": mark_safe(draw.saga_html(events, key=key)),  # noqa: S308
            "words": drawing.words,
            "caption": caption,
            "drawn": drawing.frame.at,
            "after": events[0].seq - 1 if events else reached,
            "stops": stop_rows(journeys),
        }
    )


def incident_figure(incident: Any, *, caption: str = "") -> SafeString:
    """Return a figure of a whole recorded incident, which can then be played."""
    key = _key()
    recorded = draw.recording(incident)
    drawing = draw.whole(recorded)
    breaks = recorded.scale.breaks
    left_out = sum(gap.ends - gap.begins for gap in breaks)
    return _render(
        {
            "kind": "recorded",
            "key": key,
            "drawing": mark_safe(drawing.html(key=key, fits="whole")),  # noqa: S308
            "words": drawing.words,
            "caption": caption,
            "length": seconds(recorded.ends - recorded.begins),
            "left_out": seconds(left_out) if left_out else "",
            "recording": msgspec.to_builtins(recorded),
            "unlinked": not _kept(recorded),
            "rails": RAILS,
            "journeys": journey_rows(drawing.traffic, drawing.frame),
            "outages": outage_rows(drawing.outages, drawing.frame),
        }
    )


def _kept(recorded: draw.Recording) -> bool:
    """Return whether the sagas of a recording still have pages here.

    Its first saga decides, since that is purged first.
    """
    journeys = recorded.traffic.journeys
    return bool(journeys) and read_or(False, lambda: knows(UUID(journeys[0].id)))


def _render(context: dict[str, Any]) -> SafeString:
    return SafeString(render_to_string("kit/graph/figure.html", context))


def _key() -> str:
    """Return a prefix that makes the ids of one figure unique on a page with several."""
    return f"graph-{secrets.token_hex(3)}"
