"""`train-graph`: the live graph of the site, in an article."""

from __future__ import annotations

from django.http import HttpRequest
from django.template import engines
from django.utils.safestring import SafeString

from articles.figures.registry import Options


def draw(options: Options, request: HttpRequest | None) -> SafeString:
    return render_tag(
        'train_graph window=window caption=""', {"window": options["window"]}, request
    )


def picture(options: Options) -> str | None:
    from cluster.kit.graph.draw import live_svg

    return str(live_svg(window=options["window"]))


def render_tag(tag: str, context: dict[str, object], request: HttpRequest | None) -> SafeString:
    """Return the HTML of a tag of the graph's library, as a template would write it."""
    template = engines["django"].from_string(f"{{% load graph %}}{{% {tag} %}}")
    return SafeString(template.render(context, request))
