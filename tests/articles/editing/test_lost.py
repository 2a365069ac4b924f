"""The site returns the whole text to its editor when it cannot save it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from articles.admin import ArticleAdmin
from articles.models import Article
from tests.articles.editing.conftest import BACKEND, form
from tests.outages import outage

pytestmark = pytest.mark.platform

ADD = "/admin/articles/article/add/"
SENT = form(title="Not lost", body="Each & every word.", tag_names="a, b", _publish="1")


def test_an_ended_session_gives_the_text_back_with_all_that_was_sent(site: None) -> None:
    answer = Client().post(ADD, SENT)
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "You are signed out, so nothing was saved. Your text is kept on this page." in page
    assert "Each &amp; every word.</textarea>" in page
    assert 'value="Not lost"' in page
    assert '<input type="hidden" name="tag_names" value="a, b">' in page
    assert '<input type="hidden" name="_publish" value="1">' in page
    assert f'action="{ADD}"' in page
    assert answer["Cache-Control"] == "no-store"


def test_it_can_be_sent_again_after_signing_in(desk: Client) -> None:
    assert desk.post(ADD, {**SENT, "summary": "s"}).status_code == 302
    assert Article.objects.visible().filter(title="Not lost").exists()


def test_an_expired_form_gives_the_text_back(editor: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor, backend=BACKEND)
    answer = strict.post(ADD, SENT, headers={"origin": "http://testserver"})
    assert answer.status_code == 403
    assert "The form had expired, so nothing was saved." in answer.content.decode()
    assert "Each &amp; every word.</textarea>" in answer.content.decode()


def test_what_another_site_sends_is_not_shown(site: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(ADD, SENT, headers={"origin": "https://example.org"})
    assert answer.status_code == 403
    assert "every word" not in answer.content.decode()


def test_reading_the_editor_signed_out_still_leads_to_the_login(site: None) -> None:
    answer = Client().get(ADD)
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={ADD}")


def test_an_absent_database_gives_the_text_back(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise outage()

    monkeypatch.setattr(ArticleAdmin, "save_model", away)
    answer = desk.post(ADD, {**SENT, "summary": "s"})
    assert answer.status_code == 503
    assert "database is away, so nothing was saved." in answer.content.decode()
    assert "Each &amp; every word.</textarea>" in answer.content.decode()


@pytest.mark.parametrize(("path", "status"), [(ADD, 403), ("/contact/", 413)])
def test_only_editors_may_send_much(site: None, path: str, status: int) -> None:
    answer = Client().post(path, form(body="x" * 100_000))
    assert answer.status_code == status


def test_more_than_any_form_needs_is_refused_in_a_sentence(desk: Client) -> None:
    answer = desk.post(ADD, form(body="x" * 3_000_000))
    assert answer.status_code == 413
    assert "That is too much to take in one piece. Nothing was saved." in answer.content.decode()
