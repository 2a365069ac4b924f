"""The contact form in a real browser: by keyboard, without JavaScript, with mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from cluster.secrets.postgres import DatabaseSession, database
from portfolio.contact.form_token import SHORTEST
from tests.browser.looks import WITHOUT_SCRIPT, OpenPage

pytestmark = [pytest.mark.platform, pytest.mark.browser]


@pytest.fixture
def words() -> Iterator[str]:
    """A unique message, which is deleted from the database afterwards."""
    message = f"We have a queue that loses messages, in case {uuid4()}."
    yield message
    rows("DELETE FROM contact_message WHERE message LIKE %s", f"%{message}%")


def rows(statement: str, *values: object) -> list[tuple[Any, ...]]:
    session = DatabaseSession(database("site"))
    with session.transaction() as connection:
        cursor = connection.execute(statement.encode(), values)
        found = cursor.fetchall() if cursor.description else []
    session.close()
    return found


def write(page: Page, words: str, *, email: str = "ada@example.org") -> None:
    page.get_by_label("Your name").fill("Ada Obi")
    page.get_by_label("Your email address").fill(email)
    page.get_by_label("Message", exact=True).fill(words)
    # The form refuses a message that was written faster than a person can write.
    page.wait_for_timeout(SHORTEST.total_seconds() * 1000 + 1000)


def send(page: Page) -> None:
    page.get_by_role("button", name="Send").press("Enter")


def test_a_message_is_written_sent_and_kept(
    page: Page, platform_url: str, words: str, complaints: list[str]
) -> None:
    page.goto(f"{platform_url}/contact/")
    write(page, words)
    send(page)
    expect(page.locator("h1")).to_have_text("Your message is kept")
    page.reload()  # must not send the message again
    assert rows("SELECT name, email, state FROM contact_message WHERE message = %s", words) == [
        ("Ada Obi", "ada@example.org", "new")
    ]
    assert complaints == []


def test_a_mistake_is_told_beside_its_field_and_nothing_is_lost(
    open_page: OpenPage, platform_url: str, words: str
) -> None:
    page = open_page(**WITHOUT_SCRIPT)
    page.goto(f"{platform_url}/contact/")
    write(page, words, email="ada at example")
    send(page)
    email = page.get_by_label("Your email address")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_accessible_description("This is not an email address.")
    expect(page.get_by_label("Message", exact=True)).to_have_value(words)
    email.fill("ada@example.org")
    send(page)
    expect(page.locator("h1")).to_have_text("Your message is kept")


def test_what_a_program_fills_in_gives_it_away(page: Page, platform_url: str, words: str) -> None:
    page.goto(f"{platform_url}/contact/")
    page.locator('input[name="website"]').evaluate("field => { field.value = 'buy' }")
    write(page, words)
    send(page)
    expect(page.locator("h1")).to_have_text("Your message is kept")
    assert rows("SELECT state FROM contact_message WHERE message = %s", words) == [("spam",)]


def test_the_trap_is_neither_seen_nor_reached(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/contact/")
    page.get_by_label("Your name").focus()
    names = []
    for _ in range(4):
        names.append(page.evaluate("document.activeElement.name"))
        page.keyboard.press("Tab")
    assert names == ["name", "email", "subject", "message"]
