"""The renderer reports each problem of a text in one sentence, with its line."""

from __future__ import annotations

import pytest

from articles.markdown import LARGEST, MarkdownProblem, render, values
from cluster.kit.source.resolve import UnknownSource


@pytest.mark.parametrize(
    ("body", "line", "sentence"),
    [
        ("# Title\n", 1, "The title is the page's heading; begin sections with “##”."),
        ("## A\n\n#### B\n", 3, "A heading of level 4 cannot follow one of level 2."),
        ("a\n\nb <b>x</b>\n", 3, "HTML such as “<b>” is not allowed; write Markdown."),
        (
            "\n<script>alert(1)</script>\n",
            2,
            "HTML such as “<script>alert(1)</script>” is not allowed; write Markdown.",
        ),
        ("a\nb [x](javascript:alert(1))\n", 2, "A link may not lead to “javascript:alert(1)”."),
        ("[x](JAVA&#115;cript:alert(1))\n", 1, "A link may not lead to “JAVAscript:alert(1)”."),
        ("[x](#nowhere)\n", 1, "No section of this text has the address “#nowhere”."),
        (
            "![x](https://example.org/x.png)\n",
            1,
            "A picture must come from this site's /static/, not “https://example.org/x.png”.",
        ),
        ("![](/static/x.png)\n", 1, "This picture needs words that say what it shows."),
        ("a[^x]\n", 1, "There is no footnote “x”."),
        ("a\n\n[^x]: b\n", 3, "The footnote “x” is named nowhere in the text."),
        (
            "::: figure nothing\nC.\n:::\n",
            1,
            "There is no figure “nothing”; known are: train-graph, saga-steps, incident,",
        ),
        (
            "::: figure train-graph window=1\nC.\n:::\n",
            1,
            "“window” of the figure “train-graph” must be a number from 4 to 120, not “1”.",
        ),
        (
            "::: figure train-graph depth=1\nC.\n:::\n",
            1,
            "The figure “train-graph” has no option “depth”; it has: window.",
        ),
        ("::: figure incident\nC.\n:::\n", 1, "The figure “incident” needs its option “ref”."),
        ("::: figure train-graph\n:::\n", 1, "This figure needs a caption,"),
        (
            "a\n\n::: note\nb\n",
            3,
            "The “::: note” on this line is never closed by “:::”.",
        ),
        ("a\n\n:::\n", 3, "This “:::” closes nothing."),
        (
            "::: poem\nx\n:::\n",
            1,
            "There is no “::: poem”; known are: listing, figure, measurement, note.",
        ),
        (
            "::: measurement nothing\nC.\n:::\n",
            1,
            "There is no measurement “nothing”; recorded are: ",
        ),
        ("```klingon\nx\n```\n", 1, "The language “klingon” is not known."),
        ('```python hl="4"\nx\n```\n', 1, "The lines 4 cannot be marked: the listing has 1 lines."),
        (
            "| a |\n|---|\n| 1 |\nTable: x\n",
            4,
            "Leave an empty line between the table and its caption.",
        ),
        ("Table: x\n\nNo table.\n", 1, "There is no table beside this caption."),
    ],
)
def test_each_mistake_has_its_sentence(body: str, line: int, sentence: str) -> None:
    problems = render(body).problems
    assert problems, "nothing was said"
    assert problems[0].line == line
    assert problems[0].sentence.startswith(sentence)


def test_an_unknown_listing_and_constant_are_told_with_their_lines() -> None:
    body = "a\n\n::: listing cluster.nothing:here\nC.\n:::\n\nb {value}`cluster.worker:NOTHING`\n"
    assert [problem.line for problem in render(body).problems] == [3, 7]


def test_a_constant_is_read_from_the_source_and_never_from_the_process() -> None:
    rendered = render("{value}`portfolio.settings:SECRET_KEY`\n")
    assert "<code>lazy(_secret_key, str)()</code>" in rendered.html


def test_what_could_not_be_made_is_said_in_its_place_and_the_rest_is_made() -> None:
    rendered = render("Before.\n\n::: figure nothing\nC.\n:::\n\nAfter.\n")
    assert '<p class="problem">Line 3: There is no figure “nothing”;' in rendered.html
    assert "<p>Before.</p>" in rendered.html
    assert "<p>After.</p>" in rendered.html


def test_a_directive_inside_a_code_block_is_code() -> None:
    assert render("```\n::: figure nothing\n```\n").problems == []


def test_a_text_that_is_too_long_is_refused_on_the_line_where_it_became_so() -> None:
    line = "0123456789abcdef\n"
    rendered = render(line * (LARGEST // len(line) + 100))
    assert rendered.html == ""
    assert rendered.problems == [
        MarkdownProblem(
            LARGEST // len(line) + 1,
            "The text is 401 kB long; an article may have 400 kB, which end here.",
        )
    ]


def test_a_paragraph_of_a_whole_paste_is_not_parsed() -> None:
    [problem] = render("[" * 100_000).problems
    assert problem.sentence == (
        "This paragraph has 100,000 characters; write paragraphs that can be read."
    )


def test_a_source_that_cannot_be_read_is_a_problem_of_its_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_target: str) -> None:
        raise UnknownSource("The source is away.")

    monkeypatch.setattr(values, "constant", refuse)
    assert render("x\n\n{value}`a:B`\n").problems == [MarkdownProblem(3, "The source is away.")]
