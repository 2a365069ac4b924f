"""Any text renders to HTML that runs no script, and to the same HTML each time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from articles.figures import fill, incident
from articles.markdown import render
from articles.markdown.links import permitted
from articles.markdown.sanitise import ATTRIBUTES, SCHEMES, TAGS

# Pieces that mean something to the parser, the renderer, or a browser.
PIECES = (
    *("<script>", "</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
    *("<!--", "-->", "<", ">", '"', "'", "&lt;", "&quot;", "&#0;", "\x00", "\u2028"),
    *("javascript:alert(1)", "java\tscript:alert(1)", "&#106;avascript:", "vbscript:x"),
    *("data:text/html,<b>", "[x](", ")", "![", "](", "`", "```", "~~~", '``` title="`'),
    *("::: figure train-graph", "::: figure incident ref=", "::: measurement x", "::: note <b>"),
    *("::: listing cluster.messaging.relay:BATCH", ":::", "\n:::\n", "window=20", "wide"),
    *("{value}`", "{value}`cluster.messaging.relay:BATCH`", "[^a]", "\n\n[^a]: ", "[^", "^"),
    *('title=""><script>"', 'hl="1-9"', "| a | b |\n|---|--:|\n| c |", "\n\nTable: "),
    *("# ", "## ", "### ", "\n", "\n\n", "    ", "- ", "1. ", "> ", "**", "_", "~~", "\\"),
    '<div data-figure="train-graph" data-options="{}"></div>',
)

# A scheme as a browser reads it, after it has removed leading controls and all tabs and line
# breaks: https://url.spec.whatwg.org/#concept-basic-url-parser
SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):")

texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=30).map("".join)


@pytest.fixture(autouse=True, scope="module")
def no_recorded_incidents() -> Iterator[None]:
    """Let figures find no recorded incident, so that these tests need no database."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(incident, "_row", lambda _ref: None)
        yield


class Checked(HTMLParser):
    """A parser that reads HTML as a browser does, and asserts that the allow-list permits it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.places = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, ()), f"<{tag} {name}>"
            assert not name.startswith("on")
            if name in {"href", "src"}:
                assert permitted(value or "")
                scheme = SCHEME.match(re.sub(r"[\t\n\r]", "", value or ""))
                assert scheme is None or scheme[1].lower() in SCHEMES
            if name == "data-figure":
                self.places += 1

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_any_text_renders_to_harmless_html(text: str) -> None:
    rendered = render(text)
    checked = Checked()
    checked.feed(rendered.html)
    checked.close()


@settings(max_examples=100, deadline=None)
@given(texts)
def test_rendering_is_deterministic(text: str) -> None:
    assert render(text) == render(text)


@settings(max_examples=100, deadline=None)
@given(texts)
def test_problems_name_lines_that_there_are(text: str) -> None:
    lines = sum(text.count(end) for end in "\n\r\x0b") + 2
    for problem in render(text).problems:
        assert 1 <= problem.line <= lines
        assert problem.sentence.strip().endswith((".", ":"))


def test_an_author_cannot_write_a_figures_place_by_hand() -> None:
    rendered = render('<div data-figure="train-graph" data-options="{}"></div>\n')
    assert str(fill(rendered.html)) == rendered.html
    assert "&lt;div data-figure" in rendered.html


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/articles/", True),
        ("#here", True),
        ("https://example.org", True),
        ("mailto:a@example.org", True),
        ("javascript:alert(1)", False),
        (" JavaScript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("java%0ascript:alert(1)", False),
        ("\x01javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_links_lead_only_where_a_click_is_harmless(address: str, expected: bool) -> None:
    assert permitted(address) == expected
