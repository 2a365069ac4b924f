"""Highlighted code is one piece of HTML a line, with all of its text, escaped."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.kit.design.tokens import contrast
from cluster.kit.source.definitions import Kind, outline
from cluster.kit.source.highlight import highlighted_lines, language_of, listing
from cluster.kit.source.tree import paths, snapshot
from config import environment

TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n")))
def test_no_text_is_lost_or_left_unescaped(text: str) -> None:
    lines = highlighted_lines(text, "python")
    assert "\n".join(map(text_of, lines)) == text.removesuffix("\n")


def test_a_string_over_several_lines_is_closed_on_each() -> None:
    lines = highlighted_lines('A = """one\ntwo"""\n', "python")
    assert [line.count("<span") - line.count("</span>") for line in lines] == [0, 0]


def test_a_definition_can_be_linked_and_marked_without_a_script() -> None:
    made = listing("def f():\n    pass\nX = 1\n", "python", ((1, 2), (3, 3)))
    assert re.findall(r'id="([^"]+)"', made) == ["L1-L2", "L1", "L2", "L3"]


def test_blocks_that_do_not_nest_are_left_out() -> None:
    made = listing("a\nb\nc\n", "text", ((1, 2), (2, 3)))
    assert re.findall(r'class="block" id="([^"]+)"', made) == ["L1-L2"]
    assert made.count("<span") == made.count("</span>")


def test_lines_asked_for_are_marked_on_the_server() -> None:
    made = listing("a\nb\nc\n", "text", (), (2, 3))
    assert re.findall(r'class="line chosen" id="(L\d)"', made) == ["L2", "L3"]


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("cluster/worker.py", "python"),
        ("cluster/kit/templates/kit/layout.html", "html+django"),
        ("compose/containers/Dockerfile", "docker"),
        ("LICENSE", "text"),
    ],
)
def test_the_language_is_known_by_the_name(path: str, language: str) -> None:
    assert language_of(path) == language


def test_every_definition_of_the_source_starts_where_its_name_stands() -> None:
    for path in paths():
        text = snapshot().files[path].text
        if path.endswith(".py") and text:
            lines = text.split("\n")
            for found in outline(text).definitions:
                written = "\n".join(lines[found.first - 1 : found.last])
                assert found.name in written, (path, found)
                assert found.kind is not Kind.CONSTANT or found.value in written


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_ink_can_be_read_on_every_ground(theme: str) -> None:
    colours = {}
    for name in ("tokens", "highlight"):
        text = (environment.ROOT / f"cluster/kit/static/kit/{name}.css").read_text()
        for ink, light, dark in TOKEN.findall(text):
            colours[ink] = light if theme == "light" else dark
    inks = [name for name in colours if name.startswith("code-")] + ["ink", "ink-2", "ink-3"]
    assert len(inks) == 7
    for ink in inks:
        for ground in ("paper", "panel", "tile", "marked"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
