"""The admin in a browser: its first page stays current, in both themes, and fits a phone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect

from cluster.storefront.contact.models import ContactMessage
from tests.browser.looks import OpenPage, sized, violations, width_of
from tests.portfolio.admin_visit import AUTHENTICATORS, make_user

pytestmark = [pytest.mark.platform, pytest.mark.browser]

PASSWORD = "a long enough password"
PAGES = [
    "/admin/",
    "/admin/portfolio/contactmessage/",
    "/admin/portfolio/profile/1/change/",
    "/admin/cluster/dead-letters/",
    "/admin/chaos/faultswitch/",
    "/admin/auth/user/",
    "/admin/second-factor/",
    "/admin/second-factor/app/",
    "/admin/articles/article/",
    "/admin/articles/article/add/",
]


@pytest.fixture
def owner(platform: Any, django_db_blocker: Any) -> Any:
    """A superuser of this test's own."""

    def make() -> User:
        user = make_user(password=PASSWORD)
        user.is_superuser = True
        user.save()
        return user

    with django_db_blocker.unblock():
        user = apart(make)
        yield user
        apart(user.delete)


def apart(act: Callable[[], Any]) -> Any:
    """Run `act` in a thread of its own: Playwright's event loop runs in this one."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def log_in(page: Page, url: str, user: User) -> None:
    page.goto(f"{url}/admin/")
    page.get_by_label("Name").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_label("Code").fill(AUTHENTICATORS[user.username].code())
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Today", exact=True)).to_be_visible()


def test_the_first_page_keeps_itself_up_to_date_and_leaves_the_focus_alone(
    page: Page, complaints: list[str], platform_url: str, owner: User
) -> None:
    log_in(page, platform_url, owner)
    link = page.locator("#part-writing a").last
    link.focus()
    name = f"visitor {uuid4().hex[:6]}"
    message = apart(lambda: write_message(name))
    try:
        expect(page.locator("#part-messages")).to_contain_text(name, timeout=20_000)
        expect(link).to_be_focused()
        assert complaints == []
    finally:
        apart(message.delete)


@pytest.mark.full
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_clean_and_fits_a_phone(
    open_page: OpenPage, platform_url: str, owner: User, complaints: list[str], scheme: str
) -> None:
    page = open_page(**sized(375, 800), color_scheme=scheme)
    log_in(page, platform_url, owner)
    found = []
    for path in PAGES:
        page.goto(f"{platform_url}{path}")
        page.wait_for_load_state("networkidle")
        assert (path, complaints) == (path, [])
        assert (path, width_of(page)) == (path, 375)
        found += [(path, *violation) for violation in violations(page)]
        complaints.clear()  # axe adds inline styles, which the content security policy refuses
    assert found == []


def write_message(name: str) -> ContactMessage:
    """Save a message as the contact form does, and return it."""
    return ContactMessage.objects.create(
        id=uuid4(),
        name=name,
        email="visitor@example.org",
        subject="A question",
        message="Are you free in May?",
        received_at=timezone.now(),
        remote="test",
    )
