"""Sessions: a visitor's needs no server, a login is a row that ends at the logout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import signed_cookies
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import OperationalError
from django.http import HttpRequest

from cluster.kit.visitors import VISITOR
from portfolio.admin_site import sessions
from portfolio.admin_site.sessions import ROW, SessionStore, require_row
from tests.outages import outage
from tests.portfolio.admin_visit import Visit, make_user

PASSWORD = "a long enough password"


def named(session: SessionStore) -> dict[str, Any]:
    """Return what the cookie of a session holds."""
    found: dict[str, Any] = signing.loads(str(session.session_key), salt=signed_cookies.__name__)
    return found


class TestWithoutTheDatabase:
    def test_a_visitor_is_a_signed_cookie(self) -> None:
        session = SessionStore()
        session[VISITOR] = "visitor-1"
        session.save()

        assert named(session) == {VISITOR: "visitor-1"}
        assert dict(SessionStore(session.session_key).items()) == {VISITOR: "visitor-1"}

    def test_a_login_in_a_cookie_of_an_earlier_revision_is_worth_nothing(self) -> None:
        earlier = signed_cookies.SessionStore()
        earlier.update({VISITOR: "visitor-1", SESSION_KEY: "1"})
        earlier.save()

        assert dict(SessionStore(earlier.session_key).items()) == {VISITOR: "visitor-1"}

    def test_a_cookie_that_is_not_ours_is_an_empty_session(self) -> None:
        assert dict(SessionStore("made up").items()) == {}

    def test_while_it_is_away_a_user_is_a_visitor_whose_login_is_not_lost(
        self, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
    ) -> None:
        def away(_row: str) -> dict[str, Any]:
            raise outage()

        monkeypatch.setattr(sessions, "_read", away)
        key = signing.dumps({VISITOR: "visitor-1", ROW: "a-row"}, salt=signed_cookies.__name__)
        session = SessionStore(key)
        with django_db_blocker.unblock():
            assert SESSION_KEY not in session
        request = HttpRequest()
        request.session = session
        with pytest.raises(OperationalError):
            require_row(request)
        session[VISITOR] = "visitor-2"
        session.save()

        assert named(session) == {VISITOR: "visitor-2", ROW: "a-row"}


@pytest.mark.platform
class TestRows:
    @pytest.fixture
    def unblocked(self, platform: Any, django_db_blocker: Any) -> Iterator[None]:
        with django_db_blocker.unblock():
            yield

    @pytest.fixture
    def stored(self, unblocked: None) -> Iterator[SessionStore]:
        session = SessionStore()
        session.update({VISITOR: "visitor-1", "login": 1})
        session.save()
        yield session
        session.flush()

    def test_what_means_more_than_a_visitor_is_in_a_row(self, stored: SessionStore) -> None:
        assert named(stored).keys() == {VISITOR, ROW}
        assert SessionStore(stored.session_key)["login"] == 1

    def test_a_new_key_ends_the_old_cookie(self, stored: SessionStore) -> None:
        old = stored.session_key
        stored.cycle_key()
        stored.save()

        assert "login" not in SessionStore(old)
        assert SessionStore(stored.session_key)["login"] == 1

    def test_the_row_goes_with_its_content(self, stored: SessionStore) -> None:
        row = named(stored)[ROW]
        del stored["login"]
        stored.save()

        assert not Session.objects.filter(session_key=row).exists()
        assert named(stored) == {VISITOR: "visitor-1"}

    def test_a_cookie_that_was_stolen_is_useless_after_the_logout(
        self, unblocked: None, platform_url: str
    ) -> None:
        user = make_user(password=PASSWORD)
        came = Visit(platform_url)
        came.log_in(user.username, PASSWORD)
        thief = Visit(platform_url)
        thief.session.cookies.update(came.session.cookies)
        assert thief.is_inside()

        came.post("/admin/logout/", {}, form="/admin/")

        assert not thief.is_inside()
        user.delete()
