"""`::: measurement`: a table of recorded figures, with the command, the day and the revision."""

from __future__ import annotations

from html import escape

from markdown_it.token import Token

from articles.markdown.directives import words_of
from articles.markdown.render_context import RenderContext
from articles.markdown.tables import table_frame
from articles.measurements import Measurement, load
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
    return before, f"{region}{_table(found)}</div>\n{_provenance(found)}</figure>\n"


def _table(found: Measurement) -> str:
    numeric = [
        all(row[column].numeric for row in found.rows) for column in range(len(found.columns))
    ]
    sides = [' class="right"' if right else "" for right in numeric]
    head = "".join(
        f'<th scope="col"{side}>{escape(name)}</th>'
        for name, side in zip(found.columns, sides, strict=True)
    )
    rows = [
        "".join(
            f"<td{side}>{escape(cell.text)}</td>" for cell, side in zip(row, sides, strict=True)
        )
        for row in found.rows
    ]
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _provenance(found: Measurement) -> str:
    return (
        f'<p class="meta provenance">Measured {escape(found.measured_on)} at revision '
        f"<code>{escape(found.revision)}</code> on {escape(found.machine)} with "
        f"<code>{escape(found.command)}</code></p>\n"
    )
