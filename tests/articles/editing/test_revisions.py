"""An editor can read, compare and restore every text that was saved."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from articles.models import Article
from articles.writing import save_article

pytestmark = pytest.mark.platform


@pytest.fixture
def article(site: None) -> Article:
    """An article of three revisions, of which the first has a problem."""
    article = Article(slug="test-revisions", title="First title", summary="s", body="a[^no]\n")
    for title, body in (
        ("First title", "a[^no]\n"),
        ("Second title", "The quick fox.\n"),
        ("Second title", "The slow fox.\n"),
    ):
        article.title, article.body = title, body
        save_article(article=article)
    return article


def address(article: Article, name: str = "revisions") -> str:
    return reverse(f"admin:articles_article_{name}", args=[article.pk])


def test_the_last_two_revisions_are_compared_word_by_word(article: Article, desk: Client) -> None:
    page = desk.get(address(article)).content.decode()
    assert "Revision 2 and revision 3" in page
    assert "The <del>quick</del> fox." in page
    assert "The <ins>slow</ins> fox." in page


def test_any_two_can_be_compared(article: Article, desk: Client) -> None:
    page = desk.get(f"{address(article)}?from=1&to=2").content.decode()
    assert "The title was <del>First title</del> and became <ins>Second title</ins>." in page


def test_restoring_saves_the_old_text_as_a_new_revision(
    article: Article, desk: Client, editor: User
) -> None:
    answer = desk.post(address(article, "restore"), {"number": "2"}, follow=True)
    assert "Revision 2 is restored, as revision 4." in answer.content.decode()
    article.refresh_from_db()
    assert (article.body, article.revision) == ("The quick fox.\n", 4)
    newest = article.revisions.first()
    assert newest is not None
    assert (newest.editor, newest.note) == (editor, "Restored revision 2")
    assert article.revisions.count() == 4


@pytest.mark.parametrize(
    ("state", "told"),
    [("published", "The text of revision 2 was restored."), ("draft", "It is slow now.")],
)
def test_readers_are_told_of_a_restored_text_that_they_get(
    article: Article, desk: Client, state: str, told: str
) -> None:
    Article.objects.filter(pk=article.pk).update(
        state=state, published_at=article.created_at, what_changed="It is slow now."
    )
    desk.post(address(article, "restore"), {"number": "2"})
    article.refresh_from_db()
    assert article.what_changed == told


def test_a_text_with_problems_is_not_restored_under_readers_eyes(
    article: Article, desk: Client
) -> None:
    Article.objects.filter(pk=article.pk).update(state="published", published_at=article.created_at)
    answer = desk.post(address(article, "restore"), {"number": "1"}, follow=True)
    assert "Revision 1 was not restored, since readers would get it:" in answer.content.decode()
    article.refresh_from_db()
    assert (article.body, article.revision) == ("The slow fox.\n", 3)


@pytest.mark.parametrize(
    "number", ["9", "0", "-1", "", "one", "1.5", "9" * 10, "9" * 30, "9" * 5_000]
)
def test_a_revision_that_there_is_not_cannot_be_restored(
    article: Article, desk: Client, number: str
) -> None:
    assert desk.post(address(article, "restore"), {"number": number}).status_code == 404


def test_a_number_that_is_out_of_range_compares_nothing(article: Article, desk: Client) -> None:
    assert desk.get(address(article), {"to": "9" * 5_000}).status_code == 200
