"""The page that shows the whole design system."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cluster.kit.design.tokens import GROUNDS, MARK, TEXT, lengths, tokens
from cluster.kit.design.typefaces import LICENCES, faces
from cluster.kit.source.highlight import highlighted_lines
from cluster.kit.source.resolve import UnknownSource, excerpt

# Shape, name, meaning, and how a line that leads to it is drawn.
MARKS: Final = (
    ("in-flight", "in flight", "asked, and not answered yet", "a solid line"),
    ("committed", "committed", "it happened, and stays", "a solid line"),
    ("compensated", "compensated", "a compensation has undone it", "a dashed line that runs back"),
    ("failed", "failed", "refused, given up, killed", "the line ends"),
    ("unknown", "unknown", "no answer either way", "a dotted line"),
)
# Rows of the sample event table. They show shapes and forms, not messages that were sent.
ROWS: Final = (
    ("in-flight", "asked", "the verb of a command"),
    ("committed", "reserved", "the verb of an event"),
    ("compensated", "handed back", "the verb of a compensation"),
    ("failed", "declined", "the verb of a refusal"),
    ("unknown", "unknown", "no answer either way"),
)
LISTED: Final = "cluster.kit.design.tokens:contrast"


@require_safe
def design(request: HttpRequest) -> HttpResponse:
    """Show the tokens with their contrasts, type, marks and components, in both themes."""
    context = {
        "tokens": tokens(),
        "lengths": lengths(),
        "grounds": GROUNDS,
        "text_contrast": TEXT,
        "mark_contrast": MARK,
        "faces": faces(),
        "licences": LICENCES,
        "marks": MARKS,
        "rows": ROWS,
        "themes": ("light", "dark"),
        "listing": _listing(),
        "listed": LISTED,
    }
    return render(request, "portfolio/design.html", context)


def _listing() -> list[tuple[int, str]]:
    """Return the sample's lines with their numbers, an empty list without the source."""
    try:
        shown = excerpt(LISTED)
    except UnknownSource:
        return []
    return list(enumerate(highlighted_lines(shown.text, shown.language), shown.location.first))
