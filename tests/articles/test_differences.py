"""The difference between two revisions, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from articles.differences import Line, difference


@dataclass
class Text:
    body: str
    title: str = "A title"
    summary: str = "A summary."


def test_changed_lines_are_shown_with_what_stands_around_them() -> None:
    before = Text("one\ntwo\nthree\nfour\nfive\nsix")
    found = difference(before, Text("one\ntwo\nthree\n4\nfive\nsix"))
    assert found.lines == [
        Line("@", "line 5"),
        Line(" ", "two"),
        Line(" ", "three"),
        Line("-", "four"),
        Line("+", "4"),
        Line(" ", "five"),
        Line(" ", "six"),
    ]
    assert (found.added, found.removed) == (1, 1)


def test_title_and_summary_are_part_of_the_text() -> None:
    found = difference(Text("same"), Text("same", title="Another title"))
    assert Line("+", "Title: Another title") in found.lines


def test_lines_that_look_like_the_format_are_lines() -> None:
    found = difference(Text("--- a\n+++ b"), Text("--- a\n+++ c\n@@ d"))
    assert [line for line in found.lines if line.sign in "+-"] == [
        Line("-", "+++ b"),
        Line("+", "+++ c"),
        Line("+", "@@ d"),
    ]


def test_equal_texts_do_not_differ() -> None:
    assert difference(Text("a"), Text("a")).lines == []
