"""The import reads front matter as it is written, and names the line of an error."""

from __future__ import annotations

import pytest

from articles.front_matter import BadSeed, Fields, FrontMatter, read_front_matter


def read(text: str) -> FrontMatter[Fields]:
    return read_front_matter(text.encode(), Fields)


@pytest.mark.parametrize(
    ("written", "field", "expected"),
    [
        ("summary: It ends in ---", "summary", "It ends in ---"),
        ("# ---\nsummary: s", "summary", "s"),
        ("summary: 12:30", "summary", "12:30"),
        ("summary: yes", "summary", "yes"),
        ("summary:", "summary", None),
        ("summary: ~", "summary", None),
        ("tags: [3.10, 12:30, null, C++]", "tags", ("3.10", "12:30", "null", "C++")),
        ("tags:\n  - 消息队列", "tags", ("消息队列",)),
        ("series_position: 2", "series_position", 2),
        ("published: 2026-01-01", "published", "2026-01-01"),
    ],
)
def test_a_field_is_taken_as_it_is_written(written: str, field: str, expected: object) -> None:
    assert getattr(read(f"---\ntitle: t\n{written}\n---\nBody.\n").fields, field) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff---\ntitle: t\n---\nBody.\n",
        "--- \ntitle: t\n---  \nBody.\n",
        "---\r\ntitle: t\r\n---\r\nBody.\r\n",
    ],
    ids=["byte order mark", "blanks behind the fence", "lines of Windows"],
)
def test_what_an_editor_leaves_unseen_does_no_harm(text: str) -> None:
    front = read(text)
    assert (front.fields.title, front.body, front.body_line) == ("t", "Body.\n", 4)


def test_a_rule_in_the_text_ends_nothing() -> None:
    assert read("---\ntitle: t\n---\na\n\n---\n\nb\n").body == "a\n\n---\n\nb\n"


@pytest.mark.parametrize(
    ("content", "line", "sentence"),
    [
        (b"no front matter", 1, "expected --- alone on the first line"),
        (b"---\ntitle: t\n", 1, "expected a second line of ---"),
        (b"---\ntitle: t\nsummary: x ---\nx", 1, "expected a second line of ---"),
        (b"---\n---\n", 2, "“title” is needed"),
        (b"---\nsummary: s\n---\n", 2, "expected a “title”"),
        (b"---\ntitle:\n---\n", 2, "expected a “title”"),
        (b"---\ntitle: [\n---\n", 3, "expected YAML"),
        (b"---\ntitle: " + b"[" * 5000 + b"\n---\n", 2, "expected YAML"),
        (b"---\ntitle: t\ntitle: u\n---\n", 3, "expected “title” once"),
        (b"---\ntitle: t\ncolour: red\n---\n", 3, "there is no field “colour”"),
        (b"---\ntitle: t\ntags: rabbitmq\n---\n", 3, "as a list, such as [rabbitmq, outbox]."),
        (b"---\ntitle: t\ntags: 5\n---\n", 3, "as a list, such as [rabbitmq, outbox]."),
        (b"---\ntitle: t\ntags: [[a]]\n---\n", 3, "as a list, such as [rabbitmq, outbox]."),
        (b"---\ntitle: t\nseries_position: 0\n---\n", 3, "as a whole number from 1."),
        (b"---\ntitle: {a: b}\n---\n", 2, "expected “title” as a few words."),
        (b"---\ntitle: t\n---\ncaf\xe9\n", 4, "expected UTF-8"),
        (b"---\ntitle: t\n---\na\x0cb\n", 4, "U+000C, behind “"),
        (b'---\ntitle: "\\ud800"\n---\n', 2, "“title” has an invisible character."),
    ],
)
def test_a_bad_file_is_refused_on_its_line(content: bytes, line: int, sentence: str) -> None:
    with pytest.raises(BadSeed) as refused:
        read_front_matter(content, Fields)
    assert str(refused.value).startswith(f"line {line}: ")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
