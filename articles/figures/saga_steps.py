"""`saga-steps`: the latest saga that ended in one way, as a drawing and message by message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from articles.figures.fill import absence
from articles.figures.registry import Options
from articles.figures.train_graph import render_tag
from cluster.kit.graph.draw import saga_svg
from cluster.kit.graph.journal import latest_saga
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.events import StreamEvent
from cluster.storefront.headcode import headcode
from cluster.storefront.queries import events_of, last_seq

MOST_MESSAGES: Final = 60
AWAY: Final = "No saga can be shown at this moment: the site's database is away."
ENDINGS: Final[Mapping[str, str]] = {
    "completed": "checkout.checkout_completed.v1",
    "compensated": "checkout.checkout_compensated.v1",
}


def draw(options: Options, request: HttpRequest | None) -> SafeString:
    outcome = options["outcome"]
    found = read_or(None, lambda: _read(outcome))
    if found is None:
        return absence(AWAY)
    saga, newest_first = found
    if saga is None:
        return absence(f"Among the latest messages, no checkout has been {outcome}.")
    context = {
        "graph": render_tag('train_graph saga=saga caption=""', {"saga": saga}, request),
        "saga": saga,
        "outcome": outcome,
        "headcode": headcode(saga),
        "ended": next((each for each in newest_first if each.type == ENDINGS[outcome]), None),
        "events": newest_first[::-1],
    }
    return render_to_string("articles/figures/saga_steps.html", context, request)


def picture(options: Options) -> str | None:
    saga = _latest(options["outcome"])
    return str(saga_svg(saga)) if saga else None


def _read(outcome: str) -> tuple[UUID | None, list[StreamEvent]]:
    """Return the latest saga of that outcome with its messages, newest first."""
    saga = _latest(outcome)
    return saga, events_of(saga, MOST_MESSAGES, up_to=last_seq()) if saga else []


def _latest(outcome: str) -> UUID | None:
    return latest_saga(ENDINGS[outcome])
