"""An editor's work in the admin: saving, publishing, scheduling, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.markdown import LARGEST
from articles.models import DRAFT, PUBLISHED, Article, Tag
from tests.articles.editing.conftest import form

pytestmark = pytest.mark.platform

ADD = "/admin/articles/article/add/"
PREVIEW = "/admin/articles/article/preview/"


def change(article: Article) -> str:
    return reverse("admin:articles_article_change", args=[article.pk])


def text_of(answer: HttpResponse) -> str:
    return answer.content.decode()


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
    sent = form(
        read_version="1", title=article.title, slug=article.slug, summary=article.summary,
        body=article.body.replace("\n", "\r\n"), tag_names="Water, water,  Still life",
    )  # fmt: skip
    assert desk.post(change(article), sent).status_code == 302
    article.refresh_from_db()
    assert (article.revision, article.version) == (1, 2)
    assert [tag.slug for tag in article.tags.all()] == ["still-life", "water"]
    assert Tag.objects.filter(slug="water").count() == 1


def test_publishing_now_shows_it_to_readers(article: Article, desk: Client) -> None:
    sent = form(
        read_version="1", title=article.title, slug=article.slug, summary="s", body="Now.",
        _publish="1",
    )  # fmt: skip
    answer = desk.post(change(article), sent, follow=True)
    assert "Saved and published, as revision 2." in text_of(answer)
    article.refresh_from_db()
    assert article.is_visible
    assert article.revised_at is None
    assert article in Article.objects.visible()


def test_correcting_a_published_article_is_a_revision_with_its_date(
    article: Article, desk: Client
) -> None:
    sent = form(read_version="1", title="Quiet", slug=article.slug, summary="s", body="Now.")
    desk.post(change(article), {**sent, "_publish": "1"})
    published_at = Article.objects.get(pk=article.pk).published_at
    desk.post(change(article), {**sent, "read_version": "2", "body": "Better.", "note": "A word"})
    article.refresh_from_db()
    assert (article.revision, article.published_at) == (3, published_at)
    assert article.revised_at is not None
    assert article.revisions.get(number=3).note == "A word"


def test_scheduling_keeps_it_from_readers_until_then(article: Article, desk: Client) -> None:
    at = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    sent = form(
        read_version="1", title=article.title, slug=article.slug, summary="s", body="Later.",
        schedule_at=f"{at:%Y-%m-%dT%H:%M}", _schedule="1",
    )  # fmt: skip
    answer = desk.post(change(article), sent, follow=True)
    assert f"It comes out on {at:%d %B %Y at %H:%M} UTC." in text_of(answer)
    article.refresh_from_db()
    assert (article.state, article.published_at, article.is_scheduled) == (PUBLISHED, at, True)
    assert article not in Article.objects.visible()


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
    sent = form(
        read_version="1", title="Quiet", slug=article.slug, summary="s", body="Kept text.",
        schedule_at=written, _schedule="1",
    )  # fmt: skip
    answer = desk.post(change(article), sent)
    assert sentence in text_of(answer)
    assert "Kept text." in text_of(answer)
    article.refresh_from_db()
    assert (article.state, article.version) == (DRAFT, 1)


def test_going_back_to_draft_takes_it_from_readers(article: Article, desk: Client) -> None:
    sent = form(read_version="1", title="Quiet", slug=article.slug, summary="s", body="Now.")
    desk.post(change(article), {**sent, "_publish": "1"})
    desk.post(change(article), {**sent, "read_version": "2", "_draft": "1"})
    article.refresh_from_db()
    assert (article.state, article.published_at) == (DRAFT, None)


def test_a_draft_with_problems_is_saved_and_says_so(article: Article, desk: Client) -> None:
    sent = form(
        read_version="1", title="Quiet", slug=article.slug, body="::: figure nothing\nC.\n:::\n"
    )
    answer = desk.post(change(article), sent, follow=True)
    assert "Saved as a draft. It cannot be published until one place in it are mended." not in (
        text_of(answer)
    )
    assert "It cannot be published until one place in it is mended." in text_of(answer)
    article.refresh_from_db()
    assert [problem["line"] for problem in article.problems] == [1]


def test_publishing_with_problems_is_refused_with_the_reasons_and_the_text_kept(
    article: Article, desk: Client
) -> None:
    sent = form(
        read_version="1", title="Quiet", slug=article.slug, summary="s", _publish="1",
        body="Fine.\n\n::: figure nothing\nC.\n:::\n",
    )  # fmt: skip
    answer = text_of(desk.post(change(article), sent))
    assert "Readers cannot get this text until this is mended:" in answer
    assert "Line 3: There is no figure “nothing”" in answer
    assert "::: figure nothing\nC.\n:::" in answer
    article.refresh_from_db()
    assert (article.state, article.version) == (DRAFT, 1)


def test_a_summary_is_asked_for_before_publishing(article: Article, desk: Client) -> None:
    sent = form(read_version="1", title="Quiet", slug=article.slug, body="Fine.", _publish="1")
    answer = text_of(desk.post(change(article), sent))
    assert "Readers need a summary before this can be published." in answer


def test_an_address_that_is_taken_is_said_beside_the_field(article: Article, desk: Client) -> None:
    sent = form(title="Another", slug=article.slug, body="A text that stays.")
    answer = text_of(desk.post(ADD, sent))
    assert "“Quiet waters” already has the address “quiet-waters”." in answer
    assert 'id="id_slug_error"' in answer
    assert "A text that stays." in answer
    assert Article.objects.filter(title="Another").count() == 0


def test_a_huge_paste_is_refused_with_the_form_still_filled(article: Article, desk: Client) -> None:
    body = "A line of the paste.\n" * (LARGEST // 20)
    sent = form(read_version="1", title="Quiet", slug=article.slug, body=body)
    answer = desk.post(change(article), sent)
    assert "an article may have 400 kB, which end here. Nothing was saved." in text_of(answer)
    assert text_of(answer).count("A line of the paste.") == LARGEST // 20
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
    sent = form(read_version="1", title="Quiet", slug=article.slug, summary=summary)
    answer = desk.post(change(article), sent)
    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert 'id="id_summary_error"' in text_of(answer)
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
        assert "Quietwaters" in text_of(answer)
        assert "\x0c" not in text_of(answer)


def test_a_figure_for_the_shared_picture_must_exist(article: Article, desk: Client) -> None:
    sent = form(read_version="1", title="Quiet", slug=article.slug, body="x", figure="nothing")
    assert "There is no figure “nothing”" in text_of(desk.post(change(article), sent))


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
    assert "A preview. Nothing of this is saved." in text_of(answer)
    assert '<h2 id="a">' in text_of(answer)


def test_the_list_shows_where_each_stands(article: Article, desk: Client) -> None:
    answer = text_of(desk.get("/admin/articles/article/?standing=draft&q=quiet"))
    assert "Quiet waters" in answer
    assert "rev 1" in answer
    assert "Quiet waters" not in text_of(desk.get("/admin/articles/article/?standing=published"))
