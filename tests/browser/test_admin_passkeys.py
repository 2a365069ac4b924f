"""Passkeys in a browser, with Chromium's own virtual authenticator, and the page of codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group, User
from django_otp_webauthn.models import WebAuthnCredential
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_admin import PASSWORD, apart
from tests.portfolio.admin_visit import (
    AUTHENTICATORS,
    Authenticator,
    forget_confirmation,
    make_user,
)
from tests.sampling import only_in_full

pytestmark = [pytest.mark.platform, pytest.mark.browser]

SCHEMES = ("light", "dark")
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def by_name(platform_url: str) -> str:
    """The site's address by a name, which a passkey needs."""
    return platform_url.replace("127.0.0.1", "localhost")


@pytest.fixture
def owner(platform: Any, django_db_blocker: Any) -> Iterator[User]:
    """A superuser of this test's own, without a second factor."""

    def make() -> User:
        user = make_user(password=PASSWORD, second_factor=False)
        user.is_superuser = True
        user.save()
        return user

    with django_db_blocker.unblock():
        user = apart(make)
        yield user
        apart(user.delete)


@pytest.fixture
def device(page: Page) -> Page:
    """A page of a browser whose device keeps passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


def log_in(page: Page, url: str, user: User) -> None:
    page.goto(f"{url}/admin/")
    page.get_by_label("Name").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_a_passkey_is_added_logs_in_and_confirms_a_deletion(
    device: Page, complaints: list[str], by_name: str, owner: User
) -> None:
    log_in(device, by_name, owner)
    expect(device.get_by_role("heading", name="Second factor")).to_be_visible()
    device.get_by_role("button", name="Add a passkey of localhost").click()
    expect(device.locator("form.row p")).to_contain_text("Passkey of")
    assert apart(lambda: WebAuthnCredential.objects.filter(user=owner).count()) == 1
    device.get_by_role("button", name="Make recovery codes").click()
    expect(device.locator(".recovery-codes li")).to_have_count(10)

    device.get_by_role("button", name="Log out").click()
    device.goto(f"{by_name}/admin/login/")
    device.get_by_role("button", name="Log in with a passkey").click()
    expect(device.get_by_role("heading", name="Today", exact=True)).to_be_visible()

    group = apart(lambda: Group.objects.create(name=f"test-{owner.username}"))
    apart(lambda: forget_confirmation(owner))
    device.goto(f"{by_name}/admin/auth/group/{group.pk}/delete/")
    device.get_by_role("button", name="Yes, I’m sure").click()
    device.get_by_role("button", name="Confirm with a passkey").click()
    expect(device.locator(".messagelist")).to_contain_text("was deleted successfully")
    assert not apart(Group.objects.filter(pk=group.pk).exists)
    assert complaints == []


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("dark", 390), only_in_full("light", 390), *(only_in_full(it, 1440) for it in SCHEMES)],
)
def test_the_pages_of_the_second_factor_are_clean_at_every_width(
    browser: Browser, by_name: str, owner: User, scheme: Any, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def examine(name: str) -> None:
        page.wait_for_load_state("networkidle")
        assert (name, complaints) == (name, [])
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert (name, wide) == (name, width)
        found = [it["id"] for it in Axe().run(page).response["violations"]]
        assert (name, found) == (name, [])
        complaints.clear()  # axe adds inline styles, which the content security policy refuses

    page.goto(f"{by_name}/admin/login/")
    examine("login")
    log_in(page, by_name, owner)
    examine("overview")
    page.get_by_role("link", name="Set up an app").click()
    examine("app")
    key = page.locator("[data-key-of-app]").inner_text().replace(" ", "")
    AUTHENTICATORS[owner.username] = Authenticator(key)
    page.get_by_role("textbox", name="Code").fill(AUTHENTICATORS[owner.username].code())
    page.get_by_role("button", name="Set up").click()
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    examine("recovery codes")
    page.get_by_role("link", name="I have kept them").click()
    apart(lambda: forget_confirmation(owner))
    page.goto(f"{by_name}/admin/second-factor/")
    page.get_by_role("button", name="Add a passkey …").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    examine("confirm")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page.get_by_role("button", name="Add a passkey of localhost")).to_be_visible()

    context.clear_cookies(name="sessionid")
    log_in(page, by_name, owner)
    expect(page.get_by_role("textbox", name="Code")).to_be_visible()
    examine("code")
    context.close()
