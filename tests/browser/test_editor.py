"""An editor's day in a browser, and the failures that must not lose a text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import feedparser  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.articles.conftest import site_shell
from tests.browser.looks import OpenPage

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
from axes.models import AccessLog
from django.contrib.auth.models import User
from articles.models import Article, Tag
Article.objects.filter(slug__startswith="browser-").delete()
Tag.objects.filter(slug__startswith="browser-").delete()
AccessLog.objects.filter(username="{NAME}").delete()
User.objects.filter(username="{NAME}").delete()
"""

# Sentences of the test's article, with words that no article of the site has.
BEFORE: Final = "The okapi waits in a queue."
AFTER: Final = "The numbat waits in a queue."
DAY: Final = f"""{BEFORE}

::: figure outbox-depth minutes=5
How many wait at this moment.
:::

::: listing cluster.messaging.relay:Relay._drain
Where they leave the queue.
:::
"""
HOSTILE: Final = """\
Inline <script>alert("inline")</script> HTML.

<img src="/nowhere" onerror="alert('image')">

[A link](javascript:alert('link'))

::: note
<svg onload="alert('drawing')"></svg>
:::
"""
SCRIPT: Final = "</script></title><script>alert(1)</script><img src=x onerror=alert(2)>"
HOSTILE_CODE: Final = f"""\
A wombat.

```html title="{SCRIPT}"
</code></pre>{SCRIPT}
```
"""


@pytest.fixture(scope="module")
def account(platform_url: str) -> Iterator[str]:
    """An account of the group Editors, deleted afterwards with its articles."""
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


@pytest.fixture
def reader(open_page: OpenPage) -> Page:
    """A page of a visitor without an account, with cookies of its own."""
    return open_page()


@pytest.fixture
def ran(desk: Page, reader: Page) -> list[str]:
    """The dialogs that a script has opened so far, although no script of a text should run."""
    said: list[str] = []

    def note(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    for page in (desk, reader):
        page.on("dialog", note)
    return said


def write_new(desk: Page, url: str, title: str, body: str) -> None:
    desk.goto(f"{url}/admin/articles/article/add/")
    desk.fill("#id_title", title)
    desk.fill("#id_summary", "For a test.")
    desk.fill("#id_body", body)


def press(desk: Page, name: str) -> None:
    desk.get_by_role("button", name=name, exact=True).click()


def expect_said(desk: Page, sentence: str) -> None:
    expect(desk.locator(".messagelist")).to_contain_text(sentence)


def search(reader: Page, url: str, word: str) -> list[str]:
    """Return the addresses of the articles that a search for the word finds."""
    reader.goto(f"{url}/search/")
    reader.get_by_label("Search the site").fill(word)
    reader.locator("main").get_by_role("button", name="Search").click()
    expect(reader.locator("#search-answer .meta, #search-answer .notice").first).to_be_visible()
    found = reader.locator(".entry-title a").all()
    return [str(link.get_attribute("href")) for link in found]


def feed_texts(reader: Page, url: str, slug: str) -> tuple[str, str]:
    """Return the article's text in the Atom feed and in the JSON feed."""
    address = f"{url}/articles/{slug}/"
    atom = feedparser.parse(reader.request.get(f"{url}/articles/feed.atom").text())
    [entry] = [each for each in atom.entries if each.link == address]
    items = reader.request.get(f"{url}/articles/feed.json").json()["items"]
    [item] = [each for each in items if each["url"] == address]
    return entry.content[0].value, item["content_html"]


def test_a_day(desk: Page, reader: Page, account: str, complaints: list[str]) -> None:
    public = f"{account}/articles/browser-day/"

    # Write, with a figure and a listing, and see the preview.
    write_new(desk, account, "Browser day", DAY)
    preview = desk.locator("article-preview")
    expect(preview.locator("outbox-depth, .absence")).to_be_visible()
    expect(preview.locator("figure.listing code")).to_contain_text("def _drain(self)")
    expect(desk.locator("#preview-state")).to_have_text("as readers get it")

    # Schedule: readers do not see it yet.
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    desk.fill("#id_schedule_at", f"{tomorrow:%Y-%m-%dT%H:%M}")
    press(desk, "Schedule for then (UTC)")
    expect_said(desk, f"It comes out on {tomorrow:%d %B %Y at %H:%M} UTC.")
    editor = desk.url
    assert reader.request.get(public).status == 404
    assert search(reader, account, "okapi") == []

    # Publish after all, and read it.
    press(desk, "Publish now")
    expect_said(desk, "Saved and published, as revision 1.")
    reader.goto(public)
    expect(reader.locator("h1")).to_have_text("Browser day")
    expect(reader.locator(".prose")).to_contain_text(BEFORE)
    expect(reader.locator("outbox-depth, .prose .absence")).to_be_visible()
    expect(reader.locator("figure.listing code")).to_contain_text("def _drain(self)")
    expect(reader.get_by_role("heading", name="What changed")).to_have_count(0)

    # Correct it: the second revision shows readers what changed.
    desk.fill("#id_body", DAY.replace(BEFORE, AFTER))
    desk.fill("#id_what_changed", "It is a numbat that waits.")
    press(desk, "Save, and update what readers see")
    expect_said(desk, "Saved and published, as revision 2.")
    reader.goto(public)
    expect(reader.locator(".prose")).to_contain_text(AFTER)
    expect(reader.locator(".what-changed")).to_have_text("It is a numbat that waits.")
    assert search(reader, account, "numbat") == ["/articles/browser-day/"]

    # Restore the first revision, whose text becomes the third.
    desk.get_by_role("link", name="Revisions", exact=True).click()
    expect(desk.locator(".comparison del")).to_have_text("okapi")
    expect(desk.locator(".comparison ins")).to_have_text("numbat")
    desk.get_by_role("row", name="From revision 1").get_by_role("button").click()
    expect_said(desk, "Revision 1 is restored, as revision 3.")
    assert desk.url == editor
    expect(desk.locator("#id_body")).to_have_value(DAY)
    reader.goto(public)
    expect(reader.locator(".prose")).to_contain_text(BEFORE)
    expect(reader.locator(".what-changed")).to_have_text("The text of revision 1 was restored.")

    # Readers find it in the feeds and in search.
    for text in feed_texts(reader, account, "browser-day"):
        assert BEFORE in text
        assert "_drain" in text
    assert search(reader, account, "okapi") == ["/articles/browser-day/"]
    assert search(reader, account, "numbat") == []
    assert complaints == []


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


def test_a_text_outlives_its_session(desk: Page, account: str) -> None:
    write_new(desk, account, "Browser three", "First.")
    press(desk, "Save draft")
    expect_said(desk, "Saved as a draft, revision 1.")
    address = desk.url
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
    expect_said(desk, "Saved as a draft, revision 2.")
    expect(desk.locator("[data-kept]")).to_be_hidden()
    assert desk.evaluate("localStorage.length") == 0


def test_a_huge_paste_is_neither_sent_nor_lost(desk: Page, account: str) -> None:
    body = "Line.\n\n" * 60_000
    write_new(desk, account, "Browser four", "")
    # A paste also changes the text at once, with one event.
    desk.locator("#id_body").evaluate(
        "(area, text) => { area.value = text; area.dispatchEvent(new Event('input', "
        "{ bubbles: true })); }",
        body,
    )
    expect(desk.locator("#preview-state")).to_contain_text("an article may have 400 kB")
    desk.locator("button[name=_save]").click()
    expect(desk.locator("#preview-state")).to_contain_text("Nothing was sent, and nothing is lost.")
    assert desk.input_value("#id_body") == body


def test_html_in_a_text_is_shown_as_text_and_never_runs(
    desk: Page, account: str, complaints: list[str], ran: list[str]
) -> None:
    write_new(desk, account, "Browser hostile text", HOSTILE)
    problems = desk.locator("[data-problems] li")
    expect(problems.first).to_contain_text("Line 1: HTML such as “<script>” is not allowed")
    expect(problems.filter(has_text="A link may not lead to “javascript:")).to_have_count(1)
    expect(desk.locator("article-preview")).to_contain_text("<svg onload=")
    assert desk.locator("article-preview [onerror], article-preview [onload]").count() == 0

    press(desk, "Save draft")
    expect_said(desk, "It cannot be published until 6 places in it are mended.")
    desk.get_by_role("link", name="See it as a page").click()
    prose = desk.locator(".prose")
    expect(prose).to_contain_text("<script>alert(“inline”)</script> HTML.")
    expect(prose).to_contain_text("""<img src="/nowhere" onerror="alert('image')">""")
    expect(prose.get_by_text("A link", exact=True)).to_be_visible()
    assert prose.locator("script, img, svg, [href^=javascript]").count() == 0
    assert (ran, complaints) == ([], [])


def test_a_script_as_title_tag_or_code_is_text_on_every_page(
    desk: Page, reader: Page, account: str, complaints: list[str], ran: list[str]
) -> None:
    write_new(desk, account, SCRIPT, HOSTILE_CODE)
    desk.fill("#id_slug", "browser-hostile")
    desk.fill("#id_summary", SCRIPT)
    desk.fill("#id_tag_names", "Browser <script>alert(3)</script>")
    press(desk, "Publish now")
    expect_said(desk, "Saved and published, as revision 1.")
    desk.get_by_role("link", name="Revisions", exact=True).click()
    expect(desk.locator("h1")).to_have_text(f"Revisions of “{SCRIPT}”")

    reader.goto(f"{account}/articles/browser-hostile/")
    expect(reader.locator("h1")).to_have_text(SCRIPT)
    expect(reader.locator(".lead")).to_have_text(SCRIPT)
    expect(reader.locator("figure.listing code")).to_contain_text(f"</code></pre>{SCRIPT}")
    assert reader.title().startswith(SCRIPT)
    structured = reader.locator("script[type='application/ld+json']").text_content()
    assert json.loads(structured or "")["headline"] == SCRIPT
    reader.get_by_role("link", name="Browser <script>alert(3)</script>").click()
    expect(reader.locator(".entry-title")).to_have_text(SCRIPT)
    reader.goto(f"{account}/articles/")
    expect(reader.locator(".entry-title").first).to_have_text(SCRIPT)
    assert search(reader, account, "wombat") == ["/articles/browser-hostile/"]
    expect(reader.locator(".entry-title")).to_have_text(SCRIPT)
    assert (ran, complaints) == ([], [])


def test_an_address_that_is_taken_is_said_beside_its_field(desk: Page, account: str) -> None:
    write_new(desk, account, "Browser taken", "The first.")
    press(desk, "Save draft")
    expect_said(desk, "Saved as a draft, revision 1.")

    write_new(desk, account, "Browser taken", "The second, which stays.")
    press(desk, "Save draft")
    expect(desk.locator("#trouble")).to_contain_text("Nothing was saved yet.")
    expect(desk.locator("#trouble")).to_be_focused()
    slug = desk.locator("#id_slug")
    expect(desk.locator("#id_slug_error")).to_have_text(
        "“Browser taken” already has the address “browser-taken”."
    )
    expect(slug).to_have_attribute("aria-invalid", "true")
    expect(desk.locator("#id_body")).to_have_value("The second, which stays.")

    slug.fill("browser-taken-too")
    press(desk, "Save draft")
    expect_said(desk, "Saved as a draft, revision 1.")
    expect(desk.locator("#id_body")).to_have_value("The second, which stays.\n")


def test_an_unknown_figure_refuses_publishing_and_keeps_the_draft(
    desk: Page, reader: Page, account: str
) -> None:
    body = "Fine.\n\n::: figure nothing\nA caption.\n:::\n"
    write_new(desk, account, "Browser figure", body)
    press(desk, "Publish now")
    expect(desk.locator("#trouble")).to_contain_text("Text needs a look.")
    expect(desk.locator("[data-problems] li")).to_contain_text("Line 3: There is no figure")
    expect(desk.locator("#id_body")).to_have_value(body)

    press(desk, "Save draft")
    expect_said(desk, "Saved as a draft. It cannot be published until one place in it is mended.")
    press(desk, "Publish now")
    expect(desk.locator("#body-errors")).to_contain_text("Readers cannot get this text")
    expect(desk.locator("#id_body")).to_have_value(body)
    assert reader.request.get(f"{account}/articles/browser-figure/").status == 404

    desk.fill("#id_body", body.replace("nothing", "train-graph"))
    press(desk, "Publish now")
    expect_said(desk, "Saved and published, as revision 2.")
