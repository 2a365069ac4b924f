"""An article in a real browser: contents, copying, notes, print, and an empty console."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.articles.conftest import DELETE, RARE, site_shell
from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, sized, width_of

pytestmark = [pytest.mark.platform, pytest.mark.browser]

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SLUG = "test-in-a-browser"

PARAGRAPH = "A sentence that is there to be scrolled past, and says nothing else. " * 12
BODY = f"""The {RARE} has a note.[^one] And another.[^two]

## First section

{PARAGRAPH}

```python title="A listing" hl="2"
first = 1
second = {{"a very long line that has to scroll in its own region": [1, 2, 3, 4, 5, 6, 7, 8, 9]}}
```

{PARAGRAPH}

### A part of it

{PARAGRAPH}

{PARAGRAPH}

## Second section

{PARAGRAPH}

{PARAGRAPH}

[^one]: The first note.
[^two]: The second note, which must not lie on the first.
"""
WRITE = f"""
from django.utils import timezone
from articles.models import Article
Article.objects.create(slug={SLUG!r}, title="An article to look at", summary="Its summary.",
    body={BODY!r}, state="published", published_at=timezone.now(), revision=1)
"""


@pytest.fixture(scope="module")
def address(platform_url: str) -> Iterator[str]:
    site_shell(DELETE)
    site_shell(WRITE)
    yield f"{platform_url}/articles/{SLUG}/"
    site_shell(DELETE)


def test_the_contents_mark_the_section_that_is_read(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.set_viewport_size(WIDE)
    page.goto(address)
    current = page.locator(".contents [aria-current]")
    expect(current).to_have_text("Beginning")
    for heading, title in (
        ("first-section", "First section"),
        ("a-part-of-it", "A part of it"),
        ("second-section", "Second section"),
    ):
        page.evaluate("id => document.getElementById(id).scrollIntoView()", heading)
        expect(current).to_have_text(title)
    page.evaluate("scrollTo(0, 0)")
    expect(current).to_have_text("Beginning")
    assert complaints == []


def test_a_heading_leads_to_itself(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Link to “Second section”").click()
    assert page.url == f"{address}#second-section"


def test_a_listing_is_copied_without_its_marks(
    open_page: OpenPage, address: str, complaints: list[str]
) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(address)
    page.get_by_role("button", name="Copy Listing 1").click()
    expect(page.get_by_role("button", name="Copied: Listing 1")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('first = 1\nsecond = {"a very long line')
    assert copied.count("\n") == 2
    assert complaints == []


def test_wide_notes_stand_beside_their_marks_and_not_on_each_other(
    page: Page, address: str
) -> None:
    page.set_viewport_size(WIDE)
    page.goto(address)
    page.evaluate("document.fonts.ready")
    one, two = (page.locator(f"#note-{number}").bounding_box() for number in (1, 2))
    mark = page.locator("#note-1-mark").bounding_box()
    text = page.locator(".prose > p").first.bounding_box()
    assert one is not None
    assert two is not None
    assert mark is not None
    assert text is not None
    assert abs(one["y"] - mark["y"]) < 24
    assert one["x"] >= text["x"] + text["width"]
    assert two["y"] >= one["y"] + one["height"]


def test_narrow_notes_unfold_at_their_marks(page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(address)
    note, mark = page.locator("#note-1"), page.get_by_role("link", name="Note 1")
    expect(note).to_be_hidden()
    mark.click()
    expect(note).to_be_visible()
    expect(mark).to_have_attribute("aria-expanded", "true")
    mark.press("Enter")
    expect(note).to_be_hidden()


def test_an_address_of_a_note_shows_it(page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{address}#note-2")
    expect(page.locator("#note-2")).to_be_visible()


def test_without_javascript_everything_is_there(open_page: OpenPage, address: str) -> None:
    page = open_page(**WITHOUT_SCRIPT, viewport=PHONE)
    page.goto(address)
    expect(page.locator("#note-1")).to_be_visible()
    page.locator("summary", has_text="Contents").click()
    expect(page.locator(".contents-folded a", has_text="Second section")).to_be_visible()
    expect(page.locator(".copy")).to_have_count(0)


@pytest.mark.parametrize("width", [375, 800, 1100, 1440])
def test_only_what_is_wide_scrolls_sideways(open_page: OpenPage, address: str, width: int) -> None:
    page = open_page(**sized(width))
    page.goto(address)
    assert width_of(page) == width


def test_on_paper_listings_wrap_and_notes_are_in_the_text(page: Page, address: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(address)
    page.emulate_media(media="print")
    expect(page.locator("#note-1")).to_be_visible()
    for selector in (".copy", ".permalink", ".contents-folded", ".contents"):
        expect(page.locator(selector).first).to_be_hidden()
    widths = page.locator(".listing pre").evaluate("pre => [pre.scrollWidth, pre.clientWidth]")
    assert widths[0] <= widths[1]


def test_the_structured_data_is_no_script_to_the_policy(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.goto(address)
    kind = page.locator('script[type="application/ld+json"]').evaluate("e => JSON.parse(e.text)")
    assert kind["@type"] == "TechArticle"
    assert [line for line in complaints if re.search("Content.Security", line)] == []
