"""The admin: the rights of each group, the login, and its first page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone
from django.utils.html import escape, strip_tags

from articles.editors import EDITORS, permission
from chaos.experiments.models import AuditEntry, FaultSwitch
from compose.backups.status import BackupStatus
from compose.platform import Platform
from compose.run_directory import RunDirectory
from config.retention import windows
from portfolio.admin_site import dashboard, login, owner
from portfolio.admin_site.groups import (
    EDITORS_MAY,
    OPERATORS,
    OPERATORS_MAY,
    ensure_groups,
)
from portfolio.admin_site.site import answers_when_away
from tests.outages import outage
from tests.portfolio.admin_visit import Visit, make_user, owner_visit

PASSWORD = "a long enough password"
OPERATORS_PAGES = ["/admin/cluster/dead-letters/", "/admin/chaos/faultswitch/"]
EDITORS_PAGES = [
    "/admin/articles/article/",
    "/admin/portfolio/page/",
    "/admin/portfolio/casestudy/",
    "/admin/portfolio/profile/1/change/",
    "/admin/portfolio/contactmessage/",
]


@pytest.fixture
def unblocked(platform: Any, django_db_blocker: Any) -> Iterator[None]:
    """Access to the running platform's own database, in which a test deletes its own rows."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def visit(platform_url: str, unblocked: None) -> Iterator[Any]:
    """A function that makes a member of these groups, and returns a logged-in visit."""
    users: list[User] = []

    def enter(*groups: str) -> Visit:
        users.append(make_user(*groups, password=PASSWORD))
        came = Visit(platform_url)
        assert came.log_in(users[-1].username, PASSWORD).status_code == 200
        return came

    yield enter
    for user in users:
        user.delete()


class TestThePartsOfTheFirstPage:
    """Each part of the first page says when its source is away."""

    def test_an_absent_observer_is_told_in_words(self) -> None:
        assert dashboard.cluster(None).away == dashboard.OBSERVER_AWAY

    def test_an_absent_database_is_told_in_words(self, django_db_blocker: Any) -> None:
        def away() -> None:
            raise outage()

        with django_db_blocker.unblock():
            assert dashboard.read(away).away == dashboard.DATABASE_AWAY

    def test_a_page_that_needs_the_database_answers_503_while_it_is_away(self) -> None:
        def view(_request: Any) -> Any:
            raise outage()

        request = RequestFactory().get("/admin/", headers={"Accept": "application/json"})
        request.user = AnonymousUser()
        answer = answers_when_away(view)(request)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


class TestBackups:
    """The owner's first page shows the last good backup, its age and its trouble."""

    def shown(self, status: BackupStatus | None) -> str:
        page = render_to_string(
            "admin/dashboard/backups.html", {"dashboard": {"backups": dashboard.backups(status)}}
        )
        return " ".join(unescape(strip_tags(page)).split())

    def test_a_platform_without_backups_says_how_to_begin(self) -> None:
        assert "This platform is not backed up: manage.py backup DIR" in self.shown(None)

    def test_the_last_good_one_its_age_and_its_proof(self) -> None:
        ended = timezone.now() - timedelta(hours=5)
        page = self.shown(
            BackupStatus(directory="/mnt", ended=ended, size=5 << 20, verified=ended)
        ).replace("\xa0", " ")
        assert "The last good one is 5 hours old, 5.0 MB." in page
        assert "Restored and verified" in page

    def test_a_failure_is_told_with_its_reason(self) -> None:
        failed = timezone.now() - timedelta(hours=2)
        page = self.shown(
            BackupStatus(directory="/mnt", ended=failed, failed=failed, failure="The disk is full.")
        )
        assert "The last backup failed 2 h ago. The disk is full." in page
        assert "None has been verified" in page


class TestWindows:
    def test_the_owner_sees_how_long_every_kind_of_record_is_kept(self) -> None:
        page = render_to_string(
            "admin/dashboard/windows.html", {"dashboard": {"windows": windows()}}
        )
        for window in windows():
            assert f'<th scope="row">{escape(window.record)}</th><td>{window.words}</td>' in page


class TestSessions:
    def test_a_session_of_the_admin_ends_twelve_hours_after_the_login(self) -> None:
        request = RequestFactory().get("/admin/")
        fresh = int(time.time()) - login.LONGEST_SESSION + 60
        for since, expected in ((fresh, True), (fresh - 120, False), (None, False)):
            request.session = {login.SINCE: since}  # type: ignore[assignment]
            assert login.is_fresh(request) is expected


@pytest.mark.platform
class TestComingIn:
    def test_a_lost_session_leads_back_to_where_one_was(
        self, platform_url: str, unblocked: None
    ) -> None:
        came = Visit(platform_url)
        page = came.get("/admin/chaos/outage/", process__exact="redis")
        assert page.url.endswith("/admin/login/?next=/admin/chaos/outage/%3Fprocess__exact%3Dredis")
        user = make_user(OPERATORS, password=PASSWORD)
        back = came.log_in(
            user.username, PASSWORD, then="/admin/chaos/outage/?process__exact=redis"
        )
        assert back.url.endswith("/admin/chaos/outage/?process__exact=redis")
        user.delete()

    def test_the_cookie_is_closed_to_scripts_and_other_sites(self, visit: Any) -> None:
        came = visit(EDITORS)
        [cookie] = [it for it in came.session.cookies if it.name == "sessionid"]
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "Lax"
        assert 0 < (cookie.expires or 0) - time.time() <= login.LONGEST_SESSION

    def test_five_wrong_passwords_close_the_door_for_this_name_alone(
        self, platform_url: str, visit: Any
    ) -> None:
        name = f"guessed-{uuid4().hex[:8]}"
        came = Visit(platform_url)
        answers = [came.log_in(name, "wrong") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        shut = came.log_in(name, "right or wrong")
        assert shut.status_code == 429
        assert 800 <= int(shut.headers["Retry-After"]) <= 900
        assert "The door stays shut for 15 minutes" in shut.text
        visit(EDITORS)  # another name can log in from the same address

    def test_the_pages_of_the_admin_allow_no_inline_code(self, platform_url: str) -> None:
        came = owner_visit(platform_url)
        for path in ("/admin/", "/admin/auth/user/", "/admin/cluster/dead-letters/"):
            page = came.get(path)
            assert page.status_code == 200
            assert "unsafe" not in page.headers["Content-Security-Policy"]
            assert "<style" not in page.text
            assert "style=" not in page.text


@pytest.mark.platform
class TestRoles:
    @pytest.mark.parametrize("path", EDITORS_PAGES)
    def test_an_editor_writes(self, visit: Any, path: str) -> None:
        assert visit(EDITORS).get(path).status_code == 200

    @pytest.mark.parametrize(
        "path", [*OPERATORS_PAGES, "/admin/auth/user/", "/admin/cluster/provider-keys/"]
    )
    def test_an_editor_who_opens_an_operators_page_is_told_that_it_is_closed(
        self, visit: Any, path: str
    ) -> None:
        page = visit(EDITORS).get(path)
        assert page.status_code == 403
        assert "This is not open to you" in page.text

    def test_an_editor_reads_messages_and_deletes_none(self, visit: Any) -> None:
        page = visit(EDITORS).get("/admin/portfolio/contactmessage/")
        assert "delete_selected" not in page.text
        assert "mark_read" not in page.text

    def test_an_editor_sees_no_cluster_on_the_first_page(self, visit: Any) -> None:
        page = visit(EDITORS).get("/admin/").text
        assert 'id="part-writing"' in page
        assert 'id="part-cluster"' not in page

    @pytest.mark.parametrize("path", OPERATORS_PAGES)
    def test_an_operator_sees_dead_letters_and_the_switch(self, visit: Any, path: str) -> None:
        assert visit(OPERATORS).get(path).status_code == 200

    @pytest.mark.parametrize("path", ["/admin/articles/article/", "/admin/portfolio/profile/"])
    def test_an_operator_does_not_write(self, visit: Any, path: str) -> None:
        assert visit(OPERATORS).get(path).status_code == 403

    def test_who_is_in_no_group_is_told_so(self, visit: Any) -> None:
        assert "You may not see or change anything here" in visit().get("/admin/").text

    def test_groups_are_put_right_again_and_keep_what_was_added(self, unblocked: None) -> None:
        editors, operators = ensure_groups()
        added = Permission.objects.get(codename="view_gauge")
        editors.permissions.add(added)
        editors.permissions.remove(permission(EDITORS_MAY[0]))
        editors, operators = ensure_groups()
        assert editors.permissions.filter(pk=added.pk).exists()
        for group, labels in ((editors, EDITORS_MAY), (operators, OPERATORS_MAY)):
            assert set(labels) <= {
                f"{app}.{name}"
                for app, name in group.permissions.values_list(
                    "content_type__app_label", "codename"
                )
            }
        editors.permissions.remove(added)


@pytest.mark.platform
class TestTheSwitch:
    def test_a_change_is_itself_in_the_audit_trail_under_the_users_name(
        self, unblocked: None, visit: Any
    ) -> None:
        came = visit(OPERATORS)
        with switch_restored():
            page = came.post(
                "/admin/chaos/faultswitch/1/change/",
                {"reason": "a demonstration"},
                form="/admin/chaos/faultswitch/",
            )
            assert page.url.endswith("/admin/")
            assert "Hard faults are switched off: a demonstration" in page.text
            entry = AuditEntry.objects.latest("at")
            assert (entry.actor, entry.action, entry.outcome) == (
                came.name,
                "switched off",
                "a demonstration",
            )
            entry.delete()

    def test_the_trail_cannot_be_changed_even_by_the_owner(self, platform_url: str) -> None:
        came = owner_visit(platform_url)
        assert came.get("/admin/chaos/auditentry/").status_code == 200
        assert came.get("/admin/chaos/auditentry/add/").status_code == 403


@contextmanager
def switch_restored() -> Iterator[None]:
    """Restore the switch at the end of the block, even after a failure."""
    switch, _ = FaultSwitch.objects.get_or_create(pk=FaultSwitch.ONLY)
    was = (switch.hard_faults, switch.reason)
    try:
        yield
    finally:
        FaultSwitch.objects.filter(pk=FaultSwitch.ONLY).update(hard_faults=was[0], reason=was[1])


@pytest.mark.platform
class TestTheFirstAccount:
    def test_prepare_made_it_and_nobody_else_can_read_its_password(self, platform: Any) -> None:
        file = owner.password_file()
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(file.read_text().strip()) >= 20

    def test_up_says_where_the_password_lies_and_not_what_it_is(self, tmp_path: Path) -> None:
        run = RunDirectory(tmp_path)
        run.make()
        none: Any = None
        platform = Platform(run, "http://127.0.0.1:8000/", none, 0, none)
        assert platform.way_in == "Admin: http://127.0.0.1:8000/admin/"
        (run.secrets / "owner-password").write_text("kept to itself")
        assert platform.way_in == (
            "Admin: http://127.0.0.1:8000/admin/ as owner; "
            f"the first password is in {run.secrets}/owner-password"
        )

    def test_it_is_made_once(self, unblocked: None) -> None:
        before = owner.password_file().read_text()
        assert owner.ensure_owner() is False
        assert owner.password_file().read_text() == before
