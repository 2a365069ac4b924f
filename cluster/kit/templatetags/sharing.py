"""A page's description for other sites: its one address, and its look when shared."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from cluster.kit.navigation import SITE

register = template.Library()

# articles/views.py draws pictures of this size, which large previews ask for.
CARD_WIDTH = 1200
CARD_HEIGHT = 630
DEFAULT_CARD = "/card.png"


@register.inclusion_tag("kit/sharing.html", takes_context=True)
def sharing(
    context: Context,
    *,
    title: str = "",
    description: str = "",
    kind: str = "website",
    image: str = "",
    canonical: str = "",
) -> dict[str, Any]:
    """Return the canonical address, OpenGraph and Twitter properties.

    Without a title, readers of OpenGraph take the page's own. Parameters of the query
    make no other page, except on pages that name their `canonical` themselves.
    """
    request = context.get("request")
    return {
        "site": SITE,
        "title": title,
        "description": description,
        "kind": kind,
        "image": image or (request.build_absolute_uri(DEFAULT_CARD) if request else ""),
        "canonical": canonical or (request.build_absolute_uri(request.path) if request else ""),
        "width": CARD_WIDTH,
        "height": CARD_HEIGHT,
    }
