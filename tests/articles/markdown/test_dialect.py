"""The Markdown that authors write, and the HTML that readers get."""

from __future__ import annotations

import re

from articles.markdown import render
from cluster.kit.source.resolve import constant, locate
from cluster.messaging.relay import BATCH


def html(body: str) -> str:
    """Return the HTML of a text, which must have no problems."""
    rendered = render(body)
    assert rendered.problems == []
    return rendered.html


def test_headings_have_ids_and_permalinks_and_make_the_contents() -> None:
    rendered = render("## The dual *write*\n\n### Twice\n\n## The dual write\n")
    assert rendered.problems == []
    assert rendered.toc == [
        {"id": "the-dual-write", "title": "The dual write", "level": 2},
        {"id": "twice", "title": "Twice", "level": 3},
        {"id": "the-dual-write-2", "title": "The dual write", "level": 2},
    ]
    assert (
        '<a class="permalink" href="#the-dual-write" '
        'aria-label="Link to “The dual write”">#</a></h2>' in rendered.html
    )


def test_a_heading_takes_no_id_that_numbering_gives() -> None:
    assert '<h2 id="table-1-section">' in html("## Table 1\n")


def test_a_listing_with_a_title_is_numbered_and_its_lines_are_marked() -> None:
    made = html('```python title="Two lines" hl="2"\na = 1\nb = 2\n```\n')
    assert '<figure class="listing" id="listing-1">' in made
    assert '<span class="number">Listing 1</span> Two lines</figcaption>' in made
    assert '<code class="language-python">' in made
    assert made.count('<span class="line">') == 1
    assert made.count('<span class="line marked">') == 1
    assert 'tabindex="0" role="region" aria-label="Listing 1"' in made


def test_a_title_may_hold_code() -> None:
    made = html('```console title="What `cluster status` says"\n$ `date`\n```\n')
    assert "</span> What <code>cluster status</code> says</figcaption>" in made
    assert "`date`" in re.sub(r"<[^>]+>", "", made)


def test_a_listing_without_a_title_has_no_number() -> None:
    made = html("```\nplain\n```\n")
    assert '<figure class="listing plain">' in made
    assert "Listing" not in made


def test_a_listing_from_the_running_source_carries_the_files_line_numbers() -> None:
    target = "cluster.messaging.relay:Relay.run"
    made = html(f'::: listing {target} hl="1"\nHow it is *done*.\n:::\n')
    place = locate(target)
    assert f'<span class="line marked" data-number="{place.first}">' in made
    assert f'data-number="{place.last}"' in made
    assert f'<a class="source" href="{place.url}">{place.words}</a>' in made
    assert "How it is <em>done</em>." in made


def test_a_listing_may_show_a_part_of_the_source() -> None:
    target = "cluster.messaging.relay:Relay.run"
    made = html(f'::: listing {target} lines="2-3" hl="3"\nA part.\n:::\n')
    first = locate(target).first
    assert re.findall(r'data-number="(\d+)"', made) == [str(first + 1), str(first + 2)]
    assert f'<span class="line marked" data-number="{first + 2}">' in made


def test_a_constant_is_printed_as_the_source_sets_it() -> None:
    place, written = constant("cluster.messaging.relay:BATCH")
    assert written == str(BATCH)
    made = html("At most {value}`cluster.messaging.relay:BATCH` rows.\n")
    assert (
        f'At most <a class="value" href="{place.url}" '
        f'title="cluster.messaging.relay:BATCH"><code>{written}</code></a> rows.' in made
    )


def test_a_footnote_stands_behind_the_block_that_first_names_it() -> None:
    made = html("One.[^a] Two.[^b] Again.[^a]\n\nMore.\n\n[^b]: Second.\n[^a]: First.\n")
    first, second = made.index('id="note-1" role="note"'), made.index('id="note-2" role="note"')
    assert made.index("Again.") < first < second < made.index("More.")
    assert '<sup class="reference" id="note-1-mark"><a href="#note-1"' in made
    assert '<sup class="reference" id="note-1-mark-2"><a href="#note-1"' in made
    assert '<p><span class="number">1</span> First. <a class="back" href="#note-1-mark"' in made


def test_a_table_takes_the_caption_below_or_above_it() -> None:
    table = "| a | b |\n|:-:|--:|\n| 1 | 2 |\n"
    below, above = html(f"{table}\nTable: Of *two*.\n"), html(f"Table: Of *two*.\n\n{table}")
    assert below == above
    assert '<figcaption><span class="number">Table 1</span> Of <em>two</em>.' in below
    assert '<div class="scroll" tabindex="0" role="region" aria-label="Table 1">' in below
    assert '<th class="centre">a</th>' in below
    assert '<td class="right">2</td>' in below


def test_numbers_rise_from_top_to_bottom_whatever_makes_the_thing() -> None:
    made = html(
        '```text title="A"\na\n```\n\n'
        "::: listing cluster.messaging.relay:BATCH\nB.\n:::\n\n"
        '```text title="C"\nc\n```\n'
    )
    assert re.findall(r"Listing (\d)</span> (\w)", made) == [("1", "A"), ("2", "B"), ("3", "C")]


def test_a_figure_is_stored_as_a_place_with_its_options() -> None:
    made = html("::: figure train-graph window=30 wide\nThe last half minute.\n:::\n")
    assert '<figure class="figure wide" id="figure-1">' in made
    assert '<div data-figure="train-graph" data-options="{&quot;window&quot;: 30}"></div>' in made
    assert '<span class="number">Figure 1</span> The last half minute.</figcaption>' in made


def test_a_note_holds_any_text() -> None:
    made = html(
        "::: note Mind\nA *word*.\n\n```\n:::\n```\n\n::: note\nInner.\n:::\n:::\n\nAfter.\n"
    )
    assert made.count('<div class="note" role="note">') == 2
    assert '<p class="note-title">Mind</p>' in made
    assert made.index("Inner.") < made.index("</div>\n</div>") < made.index("After.")


def test_quotation_marks_become_typographic_outside_of_code() -> None:
    assert html('"It\'s" `"code"`\n') == '<p>“It’s” <code>"code"</code></p>\n'


def test_strikethrough_lists_and_links_are_plain_markdown() -> None:
    made = html("~~gone~~ [out](https://example.org/a?b=1&c=2) <mailto:a@example.org>\n\n1. x\n")
    assert "<s>gone</s>" in made
    assert '<a href="https://example.org/a?b=1&amp;c=2">out</a>' in made
    assert '<a href="mailto:a@example.org">' in made


def test_words_are_those_of_prose_and_the_text_has_all_of_them() -> None:
    rendered = render(
        "## Five words\n\nare *read* here.[^n]\n\n```\ncode is not\n```\n\n[^n]: Note.\n"
    )
    assert rendered.text == "Five words\nare read here.\n1 Note.\ncode is not"
    assert rendered.words == 7  # the note and its number count too
    assert rendered.minutes == 1
