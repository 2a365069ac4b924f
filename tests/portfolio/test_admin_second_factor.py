"""The second factor of the admin: how it is set up and asked for, and what it stands before."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.test import RequestFactory
from django_otp.plugins.otp_totp.models import TOTPDevice
from hypothesis import example, given
from hypothesis.strategies import binary

from portfolio.admin_site import confirmation, recovery_codes
from portfolio.admin_site.recovery_codes import RecoveryCodes
from portfolio.admin_site.second_factor import passkeys_work_here
from portfolio.admin_site.second_factor_pages import key_of
from tests.portfolio.admin_visit import (
    AUTHENTICATORS,
    CONFIRM,
    Visit,
    forget_confirmation,
    make_user,
)

PASSWORD = "a long enough password"
CODE = re.compile(r"<li><code>([a-z2-7-]+)</code>")
OVERVIEW = "/admin/second-factor/"

Enter = Callable[..., Visit]


@given(binary(min_size=20, max_size=20))
@example(bytes(19) + b"\x03")  # ends with D in base 32
def test_the_key_to_type_is_the_whole_key(key: bytes) -> None:
    device = TOTPDevice(user=User(username="owner"), key=key.hex())
    assert base64.b32decode(key_of(device.config_url).replace(" ", "")) == key


@pytest.fixture
def unblocked(platform: Any, django_db_blocker: Any) -> Iterator[None]:
    """Access to the running platform's own database, in which a test deletes its own rows."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def owner(unblocked: None) -> Iterator[Callable[..., User]]:
    """A function that makes a superuser, with an authenticator app or without."""
    users: list[User] = []

    def make(*, second_factor: bool = True) -> User:
        user = make_user(password=PASSWORD, second_factor=second_factor)
        user.is_superuser = True
        user.save()
        users.append(user)
        return user

    yield make
    for user in users:
        user.delete()


@pytest.fixture
def group(unblocked: None) -> Iterator[Group]:
    """A group that a test may delete."""
    made = Group.objects.create(name=f"test-{uuid4().hex[:8]}")
    yield made
    Group.objects.filter(pk=made.pk).delete()


def deletion(group: Group) -> str:
    return f"/admin/auth/group/{group.pk}/delete/"


class TestWhatMustBeConfirmed:
    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("chaos_faultswitch_change", {}),
            ("provider_key_rotate", {}),
            ("articles_article_delete", {"post": "yes"}),
            ("auth_user_add", {}),
            ("auth_user_password_change", {}),
            ("auth_group_change", {}),
            ("deadletters_replay", {"confirmed": "yes"}),
            ("portfolio_link_changelist", {"action": "delete_selected", "post": "yes"}),
            ("auth_user_changelist", {"action": ["delete_selected", ""], "post": "yes"}),
        ],
    )
    def test_what_deletes_switches_or_gives_rights(self, name: str, fields: dict[str, str]) -> None:
        request = RequestFactory().post("/admin/", fields)
        request.resolver_match = SimpleNamespace(url_name=name)  # type: ignore[assignment]
        assert confirmation.is_destructive(request)

    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("articles_article_change", {}),
            ("deadletters_replay", {"letter": "orders:1:0"}),
            ("portfolio_contactmessage_changelist", {"action": "mark_read"}),
        ],
    )
    def test_and_nothing_else(self, name: str, fields: dict[str, str]) -> None:
        request = RequestFactory().post("/admin/", fields)
        request.resolver_match = SimpleNamespace(url_name=name)  # type: ignore[assignment]
        assert not confirmation.is_destructive(request)

    @pytest.mark.parametrize(
        ("host", "works"), [("127.0.0.1:8000", False), ("[::1]:8000", False), ("localhost", True)]
    )
    def test_a_passkey_needs_a_name(self, host: str, works: bool, settings: Any) -> None:
        settings.ALLOWED_HOSTS = ["*"]
        request = RequestFactory().get("/admin/login/", headers={"Host": host})
        assert passkeys_work_here(request) is works


class TestRecoveryCodes:
    def test_a_code_is_random_and_its_digest_ignores_how_it_is_typed(self) -> None:
        code = recovery_codes._code()
        assert re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code)
        assert code != recovery_codes._code()
        assert recovery_codes._digest(code) == recovery_codes._digest(
            f" {code.upper().replace('-', ' ')} "
        )
        assert code not in recovery_codes._digest(code)


@pytest.mark.platform
class TestTheFirstLogin:
    def test_the_owner_is_led_to_set_up_an_app_before_anything_is_deleted(
        self, platform_url: str, owner: Callable[..., User], group: Group
    ) -> None:
        user = owner(second_factor=False)
        came = Visit(platform_url)
        arrived = came.log_in(user.username, PASSWORD)
        assert arrived.url.endswith(f"{OVERVIEW}?next=%2Fadmin%2F")
        assert "no second factor" in came.get("/admin/").text

        refused = came.post(deletion(group), {"post": "yes"})
        assert refused.status_code == 403
        assert "Set up a second factor first" in refused.text
        assert Group.objects.filter(pk=group.pk).exists()

        codes = CODE.findall(came.set_up_app().text)
        assert len(set(codes)) == recovery_codes.COUNT
        stored = RecoveryCodes.objects.get(user=user).digests
        assert not set(codes) & set(stored)
        came.post(deletion(group), {"post": "yes"})
        assert not Group.objects.filter(pk=group.pk).exists()

    def test_a_wrong_first_code_sets_up_nothing(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner(second_factor=False)
        came = Visit(platform_url)
        came.log_in(user.username, PASSWORD)
        page = came.post("/admin/second-factor/app/", {"code": "000000"})
        assert "This code is not right" in page.text
        assert not TOTPDevice.objects.filter(user=user, confirmed=True).exists()


@pytest.mark.platform
class TestTheLogin:
    def test_the_password_alone_opens_nothing(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner()
        came = Visit(platform_url)
        fields: dict[str, object] = {"username": user.username, "password": PASSWORD}
        asked = came.post("/admin/login/", fields)
        assert "/admin/login/code/" in asked.url
        assert not came.is_inside()

    def test_a_code_works_once(self, platform_url: str, owner: Callable[..., User]) -> None:
        user = owner()
        Visit(platform_url).log_in(user.username, PASSWORD)
        used = AUTHENTICATORS[user.username]
        used.last -= 1
        assert "was used before" in Visit(platform_url).log_in(user.username, PASSWORD).text

    def test_a_recovery_code_works_once(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner()
        came = Visit(platform_url)
        came.log_in(user.username, PASSWORD)
        codes = CODE.findall(
            came.post("/admin/second-factor/recovery-codes/", {}, form=OVERVIEW).text
        )
        fields: dict[str, object] = {"username": user.username, "password": PASSWORD}
        for expected in ("/admin/", "/admin/login/code/"):
            other = Visit(platform_url)
            other.post("/admin/login/", fields)
            answer = other.post("/admin/login/code/", {"code": codes[0]})
            assert answer.url.split("?")[0].endswith(expected)
        assert f"{len(codes) - 1} left" in came.get(OVERVIEW).text

    def test_a_session_from_before_the_second_factor_has_to_show_it(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner(second_factor=False)
        here, there = Visit(platform_url), Visit(platform_url)
        for visit in (here, there):
            visit.log_in(user.username, PASSWORD)
        here.set_up_app()
        assert here.is_inside()
        assert not there.is_inside()

    @pytest.mark.parametrize("body", [b"\xff", b"[" * 20_000, b"{", b"[]"])
    def test_what_is_no_passkey_is_refused_in_words(
        self, platform_url: str, unblocked: None, body: bytes
    ) -> None:
        came = Visit(platform_url)
        came.get("/admin/login/")
        headers = {"X-CSRFToken": came.session.cookies["csrftoken"]}
        url = f"{platform_url}/admin/passkeys/authentication/"
        came.session.post(f"{url}begin/", headers=headers, timeout=30)
        headers["Content-Type"] = "application/json"
        answer = came.session.post(f"{url}complete/", headers=headers, data=body, timeout=30)
        assert answer.status_code in {400, 422}
        assert answer.json()["detail"]

    def test_five_wrong_codes_close_the_door(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner()
        came = Visit(platform_url)
        came.post("/admin/login/", {"username": user.username, "password": PASSWORD})
        answers = [came.post("/admin/login/code/", {"code": "000000"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]
        assert "The door stays shut for 15 minutes" in answers[-1].text

    def test_codes_from_many_addresses_are_limited_and_a_recovery_code_still_opens(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner()
        [code, *_] = recovery_codes.make_recovery_codes(user)
        came = Visit(platform_url)
        statuses = []
        came.post("/admin/login/", {"username": user.username, "password": PASSWORD})
        for number in range(6):
            came.session.headers["X-Forwarded-For"] = f"203.0.113.{number}"
            answer = came.post("/admin/login/code/", {"code": "000000"})
            statuses.append(answer.status_code)
        assert statuses == [200] * 5 + [429]
        assert 3500 < int(answer.headers["Retry-After"]) <= 3600
        assert "The door stays shut for 60 minutes" in answer.text
        came.post("/admin/login/code/", {"code": code})
        assert came.is_inside()


@pytest.mark.platform
class TestAnAction:
    def test_it_is_carried_out_after_the_password(
        self, platform_url: str, owner: Callable[..., User], group: Group
    ) -> None:
        user = owner()
        came = Visit(platform_url)
        came.log_in(user.username, PASSWORD)
        forget_confirmation(user)

        fields = {"csrfmiddlewaretoken": came.token(deletion(group)), "post": "yes"}
        asked = came.send(deletion(group), fields)
        assert CONFIRM in asked.text
        assert '<input type="hidden" name="post" value="yes">' in asked.text
        wrong = came.send(deletion(group), {**fields, confirmation.PASSWORD: "a guess"})
        assert "This password is not right." in wrong.text
        written = AccessAttempt.objects.get(username=user.username)
        assert "a guess" not in written.post_data
        assert Group.objects.filter(pk=group.pk).exists()

        done = came.send(deletion(group), {**fields, confirmation.PASSWORD: PASSWORD})
        assert done.url.endswith("/admin/auth/group/")
        assert not Group.objects.filter(pk=group.pk).exists()

    def test_or_after_a_code(
        self, platform_url: str, owner: Callable[..., User], group: Group
    ) -> None:
        user = owner()
        came = Visit(platform_url)
        came.log_in(user.username, PASSWORD)
        forget_confirmation(user)
        fields = {"csrfmiddlewaretoken": came.token(deletion(group)), "post": "yes"}
        code = AUTHENTICATORS[user.username].code()
        came.send(deletion(group), {**fields, confirmation.CODE: code})
        assert not Group.objects.filter(pk=group.pk).exists()

    def test_the_last_device_takes_the_recovery_codes_along(
        self, platform_url: str, owner: Callable[..., User]
    ) -> None:
        user = owner(second_factor=False)
        came = Visit(platform_url)
        came.log_in(user.username, PASSWORD)
        came.set_up_app()
        device = TOTPDevice.objects.get(user=user)
        came.post(f"/admin/second-factor/app/{device.pk}/remove/", {}, form=OVERVIEW)
        assert not TOTPDevice.objects.filter(user=user).exists()
        assert not RecoveryCodes.objects.filter(user=user).exists()
