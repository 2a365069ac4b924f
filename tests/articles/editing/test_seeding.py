"""The import takes each seed once, follows its file, and never undoes a change of the owner."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from articles.markdown import render
from articles.models import DRAFT, Article, ImportedSeed
from articles.seeding import SEEDS, import_seeds, read_seed
from articles.writing import render_again, save_article

pytestmark = pytest.mark.platform

SEED = """---
title: A seed of the tests
slug: test-seed
summary: >
  Two lines,
  one summary.
published: 2026-01-02T03:04:05Z
tags: [Test seeds, Another]
series: A test's own series
series_position: 2
related: [test-other-seed]
figure: train-graph
what_changed: Nothing yet.
---

## Body

{text}
"""


@pytest.fixture
def folder(tmp_path: Path, site: None) -> Path:
    """A folder with one seed and another that it relates to."""
    (tmp_path / "test-seed.md").write_text(SEED.format(text="Text."))
    (tmp_path / "test-other-seed.md").write_text("---\ntitle: The other\n---\nOther.\n")
    return tmp_path


def test_a_seed_becomes_an_article_with_everything_it_says(folder: Path) -> None:
    assert import_seeds(folder) == [
        "imported the article test-other-seed",
        "imported the article test-seed",
    ]
    article = Article.objects.get(slug="test-seed")
    assert article.body == "## Body\n\nText.\n"
    assert article.summary == "Two lines, one summary."
    assert article.published_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [tag.slug for tag in article.tags.all()] == ["another", "test-seeds"]
    assert (str(article.series), article.series_position) == ("A test's own series", 2)
    assert [each.slug for each in article.related.all()] == ["test-other-seed"]
    assert (article.figure, article.what_changed) == ("train-graph", "Nothing yet.")
    assert article.revisions.get().note == "From articles/seeds/test-seed.md"
    other = Article.objects.get(slug="test-other-seed")
    assert other.state == DRAFT  # its front matter has no date


def test_importing_again_changes_nothing(folder: Path) -> None:
    import_seeds(folder)
    before = Article.objects.get(slug="test-seed").version
    assert import_seeds(folder) == []
    assert Article.objects.get(slug="test-seed").version == before


def test_a_changed_seed_becomes_a_new_revision(folder: Path) -> None:
    import_seeds(folder)
    (folder / "test-seed.md").write_text(SEED.format(text="A better text."))
    assert import_seeds(folder) == ["updated the article test-seed"]
    article = Article.objects.get(slug="test-seed")
    assert (article.revision, article.body) == (2, "## Body\n\nA better text.\n")


def test_what_the_owner_has_edited_is_never_overwritten(folder: Path) -> None:
    import_seeds(folder)
    article = Article.objects.get(slug="test-seed")
    article.state, article.published_at = DRAFT, None  # the text is unchanged
    save_article(article=article)
    (folder / "test-seed.md").write_text(SEED.format(text="A better text."))
    assert import_seeds(folder) == []
    article.refresh_from_db()
    assert (article.state, article.body) == (DRAFT, "## Body\n\nText.\n")


def test_what_the_owner_has_deleted_does_not_come_back(folder: Path) -> None:
    import_seeds(folder)
    Article.objects.get(slug="test-seed").delete()
    (folder / "test-seed.md").write_text(SEED.format(text="A better text."))
    assert import_seeds(folder) == []
    assert not Article.objects.filter(slug="test-seed").exists()


def test_an_article_of_the_owner_at_the_same_address_stays(folder: Path) -> None:
    save_article(article=Article(slug="test-seed", title="The owner's", body="Own.\n"))
    assert import_seeds(folder) == ["imported the article test-other-seed"]
    assert Article.objects.get(slug="test-seed").title == "The owner's"
    assert not ImportedSeed.objects.filter(slug="test-seed").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no front matter", "line 1: expected --- alone on the first line"),
        ("---\nsummary: x\n---\nx", "line 2: expected a “title”"),
        ("---\ntitle: [\n---\nx", "line 3: expected YAML"),
        ("---\ntitle: x\ncolour: red\n---\nx", "line 3: there is no field “colour”"),
        ("---\ntitle: x\npublished: soon\n---\nx", "line 3: expected a date, or a date and time"),
        (
            "---\ntitle: x\npublished: 0001-01-01T00:00:00+14:00\n---\nx",
            "line 3: “published”: The date must be between 1970 and 2999.",
        ),
        ("---\ntitle: x\nsummary: " + "s" * 1001 + "\n---\nx", "line 3: “summary”: Ensure"),
        ("---\ntitle: x\ntags: ['?']\n---\nx", "line 3: “?” cannot be a tag."),
        ("---\ntitle: x\nfigure: incident\n---\nx", "line 3: The figure “incident” needs"),
        ("---\ntitle: x\ncanonical_url: x\n---\nx", "line 3: “canonical_url”: Enter a valid URL."),
        ("---\ntitle: x\npublished: 2026-01-01\n---\n\n<b>x</b>\n", "line 6: HTML such as"),
        ("---\ntitle: x\ntags: rabbitmq\n---\nx", "line 3: expected “tags” as a list"),
    ],
)
def test_a_bad_seed_is_told_in_a_sentence_and_keeps_none_of_the_others_away(
    folder: Path, text: str, sentence: str
) -> None:
    (folder / "test-bad.md").write_text(text)
    said = import_seeds(folder)
    [refusal] = [each for each in said if each.startswith("test-bad.md was not imported:")]
    assert sentence in refusal
    assert "\n" not in refusal
    assert Article.objects.filter(slug="test-seed").exists()
    assert not Article.objects.filter(slug="test-bad").exists()


def test_a_folder_in_the_place_of_a_seed_keeps_none_of_the_others_away(folder: Path) -> None:
    (folder / "test-bad.md").mkdir()
    [refusal] = [each for each in import_seeds(folder) if each.startswith("test-bad.md")]
    assert "the file cannot be read" in refusal
    assert Article.objects.filter(slug="test-seed").exists()


def test_a_tag_and_a_summary_are_what_the_file_says(folder: Path) -> None:
    text = "---\ntitle: x\nsummary: It ends in ---\ntags: [3.10, C++, C#, 消息队列]\n---\nx"
    (folder / "test-good.md").write_text(text)
    import_seeds(folder)
    article = Article.objects.get(slug="test-good")
    assert article.summary == "It ends in ---"
    assert {tag.name for tag in article.tags.all()} == {"3.10", "C++", "C#", "消息队列"}
    assert len({tag.get_absolute_url() for tag in article.tags.all()}) == 4


def test_articles_follow_the_running_source_without_a_new_revision(folder: Path) -> None:
    import_seeds(folder)
    Article.objects.filter(slug="test-seed").update(html="<p>of an older source</p>")
    render_again()
    article = Article.objects.get(slug="test-seed")
    assert '<h2 id="body">' in article.html
    assert article.revision == 1


def test_a_published_article_keeps_what_it_had_when_its_text_has_become_impossible(
    folder: Path,
) -> None:
    import_seeds(folder)
    Article.objects.filter(slug="test-seed").update(body="::: listing gone.away:now\nC.\n:::\n")
    [sentence] = [each for each in render_again() if each.startswith("test-seed, line 1: ")]
    article = Article.objects.get(slug="test-seed")
    assert "gone" in sentence
    assert '<h2 id="body">' in article.html
    assert [problem["line"] for problem in article.problems] == [1]


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.md")), ids=lambda path: path.stem)
def test_every_seed_of_the_site_can_be_published(path: Path, site: None) -> None:
    assert [str(problem) for problem in render(read_seed(path).body).problems] == []
