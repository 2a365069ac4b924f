"""Every Markdown file that describes something is read, is used, and names code that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.kit.source.resolve import locate
from cluster.services import MODULES
from portfolio.architecture.descriptions import knowledge
from portfolio.architecture.plan import plan
from portfolio.described import BadDescription, named, read_description, read_descriptions
from portfolio.lab.services import CHECKOUTS, FOLDER, PARTICIPANTS, SHARED, Participant
from portfolio.patterns import PATTERNS, Pattern

ON_PAGES = {
    *SHARED,
    *(pattern for one in PARTICIPANTS.values() for pattern in one.patterns),
    *(pattern for node in plan().nodes.values() for pattern in knowledge(node).patterns),
}


def read(folder: Path, text: str) -> Pattern:
    path = folder / "a-pattern.md"
    path.write_text(text)
    return read_description(path, Pattern)


def test_a_description_is_its_fields_its_paragraphs_and_its_list(tmp_path: Path) -> None:
    pattern = read(
        tmp_path,
        "---\nname: Inbox\nsources:\n  - cluster.messaging.inbox:Inbox\n---\n\n"
        "It begins\nhere.\n\nIt ends.\n\n- One: this.\n- Two,\n  longer.\n",
    )

    assert pattern == Pattern(
        slug="a-pattern",
        name="Inbox",
        sources=("cluster.messaging.inbox:Inbox",),
        prose="It begins here. It ends.",
        points=("One: this.", "Two, longer."),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("No front matter.", "a-pattern.md, line 1: expected --- alone"),
        ("---\nname: N\n---\n\nText.\n", "a-pattern.md, line 2: expected a “sources”"),
        ("---\nname: N\nsources: one\n---\n\nText.\n", "line 3: expected “sources” as a list."),
        ("---\nname: N\ncolour: red\n---\n\nText.\n", "there is no field “colour”"),
        ("---\n---\n\nText.\n", "“name” and “sources” are needed"),
        ("---\nname: N\nsources: []\n---\n", "expected a text below the front matter"),
        ("---\nname: N\nsources: []\n---\n\n## Title\n", "line 6: expected paragraphs and a list"),
    ],
)
def test_a_description_that_is_wrong_is_refused_with_its_file_and_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(BadDescription, match=said):
        read(tmp_path, text)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadDescription, match="the lab names “b”, and there are a"):
        named({"a": 1}, ["a", "b"], by="the lab")


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=lambda it: it.slug)
def test_every_pattern_is_on_a_page_and_leads_to_the_running_source(pattern: Pattern) -> None:
    assert pattern in ON_PAGES
    assert pattern.sources
    assert [locate(target).path for target in pattern.sources] == list(pattern.files)
    assert locate(pattern.path).whole


def test_two_patterns_have_two_names() -> None:
    names = [pattern.name.lower() for pattern in PATTERNS.values()]
    assert len(set(names)) == len(names)


def test_every_service_is_described_and_every_checkout_is_on_a_page() -> None:
    described = read_descriptions(FOLDER / "participants", Participant)
    assert set(described) == set(PARTICIPANTS) == set(MODULES)
    shown = {sample.slug for one in PARTICIPANTS.values() for sample in one.checkouts}
    assert shown == set(CHECKOUTS)
