"""All steps of rendering: Markdown, tokens, our passes, HTML, the allow-list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from markdown_it.token import Token

from articles.markdown.framing import box_notes, frame_blocks
from articles.markdown.headings import link_headings
from articles.markdown.links import check_fragments, check_links
from articles.markdown.parser import new_env, parser, with_backticks
from articles.markdown.prose import prose_of
from articles.markdown.render_context import ENV_KEY, RenderContext
from articles.markdown.sanitise import sanitise
from articles.markdown.sidenotes import place_sidenotes
from articles.markdown.values import insert_values
from articles.problems import MarkdownProblem

# Bytes of UTF-8: as long as a book's chapter.
LARGEST: Final = 400_000

# The order matters: links are checked before other passes change them, numbers are given
# from top to bottom, and a note is put behind a complete block.
PASSES: Final[tuple[Callable[[list[Token], RenderContext], list[Token]], ...]] = (
    check_links,
    insert_values,
    link_headings,
    box_notes,
    frame_blocks,
    place_sidenotes,
    check_fragments,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The result of rendering a text. With problems it may be shown, but not published."""

    html: str = ""
    text: str = ""
    toc: list[dict[str, Any]] = field(default_factory=list)
    words: int = 0
    minutes: int = 0
    problems: list[MarkdownProblem] = field(default_factory=list)


def render(body: str) -> Rendered:
    """Render a text, always to the same HTML for the same text and the same running source."""
    too_long = length_problem(body)
    if too_long is not None:
        return Rendered(problems=[too_long])
    making = RenderContext()
    env = new_env(**{ENV_KEY: making})
    md = parser()
    tokens = md.parse(body, env)
    for change in PASSES:
        tokens = change(tokens, making)
    html = sanitise(with_backticks(md.renderer.render(tokens, md.options, env)))
    prose = prose_of(html)
    return Rendered(
        html=html,
        text=prose.text,
        toc=making.toc,
        words=prose.words,
        minutes=prose.minutes,
        problems=sorted(making.problems, key=lambda problem: problem.line),
    )


def length_problem(body: str) -> MarkdownProblem | None:
    """Return the problem of a text above LARGEST, with the line that passes the limit, or None."""
    encoded = body.encode("utf-8", "replace")
    if len(encoded) <= LARGEST:
        return None
    line = encoded[:LARGEST].count(b"\n") + 1
    size, most = len(encoded) // 1000, LARGEST // 1000
    return MarkdownProblem(
        line, f"The text is {size} kB long; an article may have {most} kB, which end here."
    )
