"""The site shows the second editor of an article both texts, and loses neither."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from articles.models import Article
from articles.writing import ChangedMeanwhile, save_article
from tests.articles.editing.conftest import form

pytestmark = pytest.mark.platform


@pytest.fixture
def article(site: None) -> Article:
    return save_article(
        article=Article(slug="test-lock", title="Locks", summary="s", body="One.\n\nTwo.\n")
    )


def save(desk: Client, article: Article, *, version: int = 1, **fields: str) -> Any:
    """Send the article's form as an editor who read `version`."""
    sent = form(read_version=str(version), title="Locks", slug="test-lock", summary="s", **fields)
    return desk.post(reverse("admin:articles_article_change", args=[article.pk]), sent)


def test_the_second_editor_gets_both_texts_and_no_overwriting(
    article: Article, desk: Client, other_desk: Client
) -> None:
    assert save(other_desk, article, body="One of theirs.\n\nTwo.").status_code == 302
    answer = save(desk, article, body="One of mine.\n\nTwo.")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Somebody else has saved this article while you were writing." in page
    assert "test-owner saved revision 2" in page
    assert "<del>theirs</del>" in page
    assert "<ins>mine</ins>" in page
    assert "One of mine." in page
    assert "One of theirs." in page
    article.refresh_from_db()
    assert (article.body, article.revision) == ("One of theirs.\n\nTwo.\n", 2)


def test_the_second_editor_may_then_save_theirs_as_the_newest(
    article: Article, desk: Client, other_desk: Client
) -> None:
    save(other_desk, article, body="Theirs.")
    assert save(desk, article, body="Mine.", _overrule="2").status_code == 302
    article.refresh_from_db()
    assert [each.body for each in article.revisions.all()] == [
        "Mine.\n",
        "Theirs.\n",
        "One.\n\nTwo.\n",
    ]


def test_overruling_holds_only_for_the_version_that_was_seen(
    article: Article, desk: Client, other_desk: Client
) -> None:
    save(other_desk, article, body="Theirs.")
    save(other_desk, article, version=2, body="Theirs again.")
    answer = save(desk, article, body="Mine.", _overrule="2")
    assert "Somebody else has saved this article" in answer.content.decode()
    article.refresh_from_db()
    assert article.body == "Theirs again.\n"


def test_whoever_writes_past_the_form_is_held_to_the_same_lock(article: Article) -> None:
    stale = Article.objects.get(pk=article.pk)
    article.body = "Changed."
    save_article(article=article)
    stale.body = "Stale."
    with pytest.raises(ChangedMeanwhile):
        save_article(article=stale)
