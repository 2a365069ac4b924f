"""Editors may write articles, delete nothing, and see neither accounts nor the cluster."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.models import PUBLISHED, Article
from articles.writing import save_article
from tests.articles.editing.conftest import BACKEND

pytestmark = pytest.mark.platform


@pytest.fixture
def article(site: None) -> Article:
    return save_article(article=Article(slug="test-rights", title="Rights", body="x\n"))


def test_an_editor_reaches_articles_tags_and_series(desk: Client) -> None:
    for part in ("article", "tag", "series"):
        assert desk.get(f"/admin/articles/{part}/").status_code == 200
        assert desk.get(f"/admin/articles/{part}/add/").status_code == 200


def test_an_editor_deletes_nothing(desk: Client, article: Article) -> None:
    address = reverse("admin:articles_article_delete", args=[article.pk])
    assert desk.post(address, {"post": "yes"}).status_code == 403
    assert Article.objects.filter(pk=article.pk).exists()
    change = desk.get(reverse("admin:articles_article_change", args=[article.pk]))
    assert "Delete…" not in change.content.decode()


@pytest.mark.parametrize("path", ["auth/user/", "auth/group/", "portfolio/journalentry/"])
def test_an_editor_sees_neither_accounts_nor_the_cluster(desk: Client, path: str) -> None:
    assert desk.get(f"/admin/{path}").status_code == 403


def test_staff_without_the_group_write_nothing(site: None, article: Article) -> None:
    client = Client()
    client.force_login(User.objects.create_user("test-staff", is_staff=True), backend=BACKEND)
    assert client.get("/admin/articles/article/add/").status_code == 403
    assert client.post("/admin/articles/article/preview/", {"body": "x"}).status_code == 403
    restore = reverse("admin:articles_article_restore", args=[article.pk])
    assert client.post(restore, {"number": "1"}).status_code == 403
    revisions = reverse("admin:articles_article_revisions", args=[article.pk])
    assert client.get(revisions).status_code == 403


def test_a_stranger_gets_no_preview(site: None) -> None:
    answer = Client().post("/admin/articles/article/preview/", {"body": "x"})
    assert answer.status_code == 302


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (None, "This article is a draft. Only its editors see this page."),
        (1, "This article comes out on "),
    ],
)
def test_editors_see_what_is_not_out_yet_and_are_told_so(
    article: Article, desk: Client, days: int | None, sentence: str
) -> None:
    if days is not None:
        article.state, article.published_at = PUBLISHED, timezone.now() + timedelta(days=days)
        save_article(article=article)
    answer = desk.get(article.get_absolute_url())
    assert (answer.status_code, sentence in answer.content.decode()) == (200, True)
    assert '<meta name="robots" content="noindex">' in answer.content.decode()
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert Client().get(article.get_absolute_url()).status_code == 404
