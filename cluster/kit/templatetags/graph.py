"""The tag `{% train_graph … %}`, which puts the site's figure on any page.

    {% load graph %}
    {% train_graph window=20 %}                  the last 20 s, then live
    {% train_graph incident=incident %}          a recorded incident, playable
    {% train_graph saga=saga_id %}               one saga at its own scale

The page links `kit/train-graph.css` and, for a figure that moves, `kit/train-graph.js`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import template
from django.utils.safestring import SafeString

from cluster.kit.graph.figures import incident_figure, live_figure, saga_figure

register = template.Library()


@register.simple_tag
def train_graph(
    *,
    window: int = 12,
    incident: Any = None,
    saga: UUID | str | None = None,
    caption: str | None = None,
) -> SafeString:
    """Return one train graph with its caption and its data."""
    words = {} if caption is None else {"caption": caption}
    if incident is not None:
        return incident_figure(incident, **words)
    if saga is not None:
        return saga_figure(saga if isinstance(saga, UUID) else UUID(saga), **words)
    return live_figure(window, **words)
