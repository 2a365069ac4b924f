"""`::: measurement`: a table of recorded figures, with the command, the day and the revision."""

from __future__ import annotations

from django.template.loader import render_to_string
from markdown_it.token import Token

from articles.markdown.directives import words_of
from articles.markdown.render_context import RenderContext
from articles.markdown.tables import table_frame
from articles.measurements import load
from articles.options import allow_only, parse_words
from articles.problems import Refused


def measurement_frame(directive: Token, making: RenderContext) -> tuple[str, str]:
    """Return the HTML before and after the caption, or raise Refused."""
    words = parse_words(words_of(directive))
    allow_only(words, "show")
    if len(words.plain) != 1:
        raise Refused("A measurement has one name, such as pipeline.")
    show = tuple(filter(None, (part.strip() for part in words.options.get("show", "").split(","))))
    found = load(words.plain[0], show=show)
    before, region = table_frame(making.number("table"))
    numeric = [all(cell.numeric for cell in column) for column in zip(*found.rows, strict=True)]
    context = {
        "found": found,
        "columns": list(zip(found.columns, numeric, strict=True)),
        "rows": [list(zip(row, numeric, strict=True)) for row in found.rows],
    }
    table = render_to_string("articles/measurement.html", context)
    return before, f"{region}{table}</figure>\n"
