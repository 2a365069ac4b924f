"""The owner's Markdown as HTML, by the pipeline of the write-ups."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from django.utils.safestring import SafeString, mark_safe

# Texts of the pages: a few dozen, each rendered once in a process.
KEPT: Final = 256


class UnreadableProse(ValueError):
    """Markdown that cannot be rendered. The message says why and in which line."""


@lru_cache(maxsize=KEPT)
def rendered(text: str) -> SafeString:
    """Return `text` as sanitised HTML.

    Raises UnreadableProse. Cached by its text: a listing or a constant from the source
    changes only with the process.
    """
    # Imported here, since articles import the owner's models, which call this for validation.
    from articles.markdown import render

    result = render(text)
    if result.problems:
        raise UnreadableProse(" ".join(str(problem) for problem in result.problems))
    return mark_safe(result.html)  # noqa: S308  # sanitised by the pipeline, last of all
