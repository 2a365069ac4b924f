"""An editor's day in a browser: preview, insert, publish, conflict, and a session that ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.articles.conftest import site_shell

pytestmark = [pytest.mark.platform, pytest.mark.browser]

NAME: Final = "browser-editor"
PASSWORD: Final = "a password of the tests"
MAKE: Final = f"""
from django.contrib.auth.models import User
from articles.editors import ensure_editors
User.objects.filter(username="{NAME}").delete()
user = User.objects.create_user("{NAME}", password="{PASSWORD}", is_staff=True)
user.groups.add(ensure_editors())
"""
REMOVE: Final = f"""
from django.contrib.auth.models import User
from articles.models import Article
Article.objects.filter(slug__startswith="browser-").delete()
User.objects.filter(username="{NAME}").delete()
"""


@pytest.fixture(scope="module")
def account(platform_url: str) -> Iterator[str]:
    """A member of the group Editors; the account and what it wrote are gone afterwards."""
    site_shell(REMOVE)
    site_shell(MAKE)
    yield platform_url
    site_shell(REMOVE)


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/login/")
    page.fill("#id_username", NAME)
    page.fill("#id_password", PASSWORD)
    page.click("#login-form [type=submit]")
    page.wait_for_url(f"{url}/admin/")


@pytest.fixture
def desk(page: Page, account: str) -> Page:
    sign_in(page, account)
    return page


def write_new(desk: Page, url: str, title: str, body: str) -> None:
    desk.goto(f"{url}/admin/articles/article/add/")
    desk.fill("#id_title", title)
    desk.fill("#id_summary", "For a test.")
    desk.fill("#id_body", body)


def test_writing_previews_names_problems_and_leads_to_them(
    desk: Page, account: str, complaints: list[str]
) -> None:
    write_new(desk, account, "Browser one", "## A heading\n\nWell.\n\n::: figure no\nC.\n:::\n")
    preview, problems = desk.locator("article-preview"), desk.locator("[data-problems] li")
    expect(preview.locator("h2")).to_have_text("A heading #")
    expect(problems).to_have_count(1)
    expect(problems).to_contain_text("Line 5: There is no figure “no”")
    problems.get_by_role("button").click()
    body = desk.locator("#id_body")
    selected = body.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert selected == "::: figure no"
    desk.keyboard.type("::: figure outbox-depth")
    expect(problems).to_have_count(0)
    expect(preview.locator("outbox-depth, .absence")).to_be_visible()
    expect(desk.locator("#preview-state")).to_have_text("as readers get it")
    assert complaints == []


def test_a_listing_is_inserted_where_the_cursor_is_and_can_be_undone(
    desk: Page, account: str
) -> None:
    write_new(desk, account, "Browser two", "Before.")
    desk.locator("#id_body").focus()
    desk.keyboard.press("Control+End")
    desk.locator("[data-insert]").select_option(label="From the running source")
    desk.keyboard.type("cluster.messaging.relay:Relay.run")
    assert desk.input_value("#id_body") == (
        "Before.\n\n::: listing cluster.messaging.relay:Relay.run\n\n:::\n"
    )
    expect(desk.locator("[data-problems] li")).to_contain_text("needs a caption")
    while desk.input_value("#id_body") != "Before.":
        desk.keyboard.press("Control+z")


def test_a_published_article_is_read_and_a_text_outlives_its_session(
    desk: Page, account: str
) -> None:
    write_new(desk, account, "Browser three", "First.")
    desk.get_by_role("button", name="Publish now").click()
    expect(desk.locator(".messagelist")).to_contain_text("Saved and published, as revision 1.")
    address = desk.url
    desk.goto(f"{account}/articles/browser-three/")
    expect(desk.locator("h1")).to_have_text("Browser three")

    desk.goto(address)
    desk.fill("#id_body", "First.\n\nWritten late.")
    desk.context.clear_cookies(name="sessionid")
    desk.locator("button[name=_save]").click()
    expect(desk.locator("h1")).to_have_text("Your text is kept")
    expect(desk.locator("#kept-body")).to_have_value("First.\n\nWritten late.")

    sign_in(desk, account)
    desk.goto(address)
    expect(desk.locator("[data-kept]")).to_contain_text("that was not saved")
    expect(desk.locator("#id_body")).to_have_value("First.\n")
    desk.locator("[data-restore]").click()
    expect(desk.locator("#id_body")).to_have_value("First.\n\nWritten late.")
    desk.locator("button[name=_save]").click()
    expect(desk.locator(".messagelist")).to_contain_text("Saved and published, as revision 2.")
    expect(desk.locator("[data-kept]")).to_be_hidden()
    assert desk.evaluate("localStorage.length") == 0


def test_a_huge_paste_is_neither_sent_nor_lost(desk: Page, account: str) -> None:
    body = "Line.\n\n" * 60_000
    write_new(desk, account, "Browser four", "")
    # As a paste does it: at once, with one event.
    desk.locator("#id_body").evaluate(
        "(area, text) => { area.value = text; area.dispatchEvent(new Event('input', "
        "{ bubbles: true })); }",
        body,
    )
    expect(desk.locator("#preview-state")).to_contain_text("an article may have 400 kB")
    desk.locator("button[name=_save]").click()
    expect(desk.locator("#preview-state")).to_contain_text("Nothing was sent, and nothing is lost.")
    assert desk.input_value("#id_body") == body
