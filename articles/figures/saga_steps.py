"""`saga-steps`: the latest saga that ended in one way, as a drawing and message by message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.db import Error
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from articles.figures.fill import absence
from articles.figures.registry import Options
from articles.figures.train_graph import render_tag
from cluster.kit.graph.draw import saga_svg
from cluster.kit.graph.journal import latest_saga
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.secrets.postgres import is_outage
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
    try:
        saga = retry_on_disconnect(lambda: _latest(outcome))
        if saga is None:
            return absence(f"Among the latest messages, no checkout has been {outcome}.")
        up_to = retry_on_disconnect(last_seq)
        newest_first = retry_on_disconnect(lambda: events_of(saga, MOST_MESSAGES, up_to=up_to))
    except Error as error:
        if not is_outage(error):
            raise
        return absence(AWAY)
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
    return str(saga_svg(saga, standalone=True)) if saga else None


def _latest(outcome: str) -> UUID | None:
    return latest_saga(ENDINGS[outcome])
