"""An editor's work in the admin: saving, publishing, scheduling, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.markdown import LARGEST, render
from articles.markdown.render import Rendered
from articles.models import DRAFT, PUBLISHED, Article, Tag
from tests.articles.editing.conftest import form

pytestmark = pytest.mark.platform

ADD = "/admin/articles/article/add/"
PREVIEW = "/admin/articles/article/preview/"
FIELDS = {"title": "Quiet", "summary": "s", "body": "Now."}


def change(article: Article) -> str:
    return reverse("admin:articles_article_change", args=[article.pk])


def save(desk: Client, article: Article, *, version: int = 1, **fields: str) -> str:
    """Send the article's form as an editor who read `version`, and return the page that follows."""
    sent = form(read_version=str(version), slug=article.slug, **(FIELDS | fields))
    return desk.post(change(article), sent, follow=True).content.decode()


@pytest.fixture
def article(desk: Client) -> Article:
    """A draft that the editor has saved once."""
    sent = form(title="Quiet waters", summary="About them.", body="## Still\n\nDeep.\n")
    answer = desk.post(ADD, sent)
    saved = Article.objects.get(slug="quiet-waters")
    assert (answer.status_code, answer["Location"]) == (302, change(saved))
    return saved


def test_a_new_article_is_a_draft_with_its_first_revision(article: Article, editor: User) -> None:
    assert (article.state, article.revision, article.words) == (DRAFT, 1, 2)
    assert '<h2 id="still">' in article.html
    [revision] = article.revisions.all()
    assert (revision.number, revision.editor, revision.body) == (1, editor, "## Still\n\nDeep.\n")
    assert not Article.objects.visible().filter(pk=article.pk).exists()


def test_saving_the_same_text_again_makes_no_revision(article: Article, desk: Client) -> None:
    save(
        desk, article, title=article.title, summary=article.summary,
        body=article.body.replace("\n", "\r\n"), tag_names="Water, water,  Still life",
    )  # fmt: skip
    article.refresh_from_db()
    assert (article.revision, article.version) == (1, 2)
    assert [tag.slug for tag in article.tags.all()] == ["still-life", "water"]
    assert Tag.objects.filter(slug="water").count() == 1


def test_a_text_is_rendered_once_for_each_save(
    article: Article, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    def counted(body: str) -> Rendered:
        texts.append(body)
        return render(body)

    monkeypatch.setattr("articles.editing.forms.render", counted)
    monkeypatch.setattr("articles.markdown.render", counted)
    save(desk, article, body="Rendered **once**.")

    article.refresh_from_db()
    assert "<strong>once</strong>" in article.html
    assert texts == ["Rendered **once**.\n"]


def test_correcting_a_published_article_is_a_revision_with_its_date(
    article: Article, desk: Client
) -> None:
    save(desk, article, _publish="1")
    published = Article.objects.visible().get(pk=article.pk)
    assert published.revised_at is None
    save(desk, article, version=2, body="Better.", note="A word")
    article.refresh_from_db()
    assert (article.revision, article.published_at) == (3, published.published_at)
    assert article.revised_at is not None
    assert article.revisions.get(number=3).note == "A word"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "Say when it is to be published."),
        ("2020-01-01T10:00", "That time has passed; publish it now instead."),
        ("tomorrow", "Enter a valid date/time."),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    article: Article, desk: Client, written: str, sentence: str
) -> None:
    answer = save(desk, article, body="Kept text.", schedule_at=written, _schedule="1")
    assert sentence in answer
    assert "Kept text." in answer
    article.refresh_from_db()
    assert (article.state, article.version) == (DRAFT, 1)


def test_going_back_to_draft_takes_it_from_readers(article: Article, desk: Client) -> None:
    save(desk, article, _publish="1")
    save(desk, article, version=2, _draft="1")
    article.refresh_from_db()
    assert (article.state, article.published_at) == (DRAFT, None)


def test_a_summary_is_asked_for_before_publishing(article: Article, desk: Client) -> None:
    answer = save(desk, article, summary="", _publish="1")
    assert "Readers need a summary before this can be published." in answer


def test_a_huge_paste_is_refused_with_the_form_still_filled(article: Article, desk: Client) -> None:
    body = "A line of the paste.\n" * (LARGEST // 20)
    answer = save(desk, article, body=body)
    assert "an article may have 400 kB, which end here. Nothing was saved." in answer
    assert answer.count("A line of the paste.") == LARGEST // 20
    article.refresh_from_db()
    assert article.version == 1


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        ("a\x0cb", "Line 1: There is an invisible character, U+000C, behind “a”. Remove it."),
        ("a\0b", "Null characters are not allowed."),
        ("x" * 1_000_000, "Ensure this value has at most 1000 characters (it has 1000000)."),
    ],
    ids=["form feed", "NUL", "1 MB"],
)
def test_a_summary_that_cannot_be_kept_is_refused_beside_its_field(
    article: Article, desk: Client, summary: str, sentence: str
) -> None:
    answer = save(desk, article, summary=summary, body="")
    assert sentence in answer
    assert 'id="id_summary_error"' in answer
    article.refresh_from_db()
    assert (article.version, article.summary) == (1, "About them.")


def test_a_row_of_before_that_no_form_would_take_stops_no_feed(
    article: Article, desk: Client
) -> None:
    Article.objects.filter(pk=article.pk).update(
        title="Quiet\x0bwaters", summary="a\x0cb", html="<p>c\x0cd</p>",
        state=PUBLISHED, published_at=timezone.now() - timedelta(minutes=1),
    )  # fmt: skip
    for feed in ("feed.atom", "feed.json"):
        answer = desk.get(f"/articles/{feed}")  # with a session, so not from a cache
        assert answer.status_code == 200
        assert "Quietwaters" in answer.content.decode()
        assert "\x0c" not in answer.content.decode()


def test_a_figure_for_the_shared_picture_must_exist(article: Article, desk: Client) -> None:
    assert "There is no figure “nothing”" in save(desk, article, figure="nothing")


def test_the_preview_is_made_by_the_same_pipeline_and_stores_nothing(desk: Client) -> None:
    before = Article.objects.count()
    body = "## A\n\n<b>x</b>\n\n::: figure outbox-depth\nC.\n:::\n"
    answer = desk.post(PREVIEW, {"body": body}, headers={"accept": "application/json"})
    told = answer.json()
    assert '<h2 id="a">' in told["html"]
    assert "data-figure" not in told["html"]
    assert [problem["line"] for problem in told["problems"]] == [3, 3]
    assert told["sheets"]
    assert Article.objects.count() == before


def test_without_a_script_the_preview_is_a_page(desk: Client) -> None:
    answer = desk.post(PREVIEW, {"body": "## A\n", "title": "T"}, headers={"accept": "text/html"})
    assert "A preview. Nothing of this is saved." in answer.content.decode()
    assert '<h2 id="a">' in answer.content.decode()


def test_the_list_shows_where_each_stands(article: Article, desk: Client) -> None:
    drafts, published = (
        desk.get(f"/admin/articles/article/?standing={standing}&q=quiet").content.decode()
        for standing in ("draft", "published")
    )
    assert "Quiet waters" in drafts
    assert "rev 1" in drafts
    assert "Quiet waters" not in published
