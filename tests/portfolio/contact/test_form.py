"""The contact form takes a person's message, and says beside its field what it cannot take."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portfolio.contact import form_token
from portfolio.contact.form import LONGEST_MESSAGE, ContactForm
from tests.portfolio.contact.messages import a_pass, fields

pytestmark = pytest.mark.usefixtures("signing_key")


def test_a_message_of_a_person_is_taken() -> None:
    form = ContactForm(fields())
    assert form.is_valid(), form.errors
    assert not form.is_trapped


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": ""}, "name", "Write your name."),
        ({"name": "x" * 101}, "name", "The name may have at most 100 characters."),
        ({"email": ""}, "email", "Write the address that the answer should go to."),
        ({"email": "ada at example"}, "email", "This is not an email address."),
        ({"message": ""}, "message", "Write a message."),
        ({"message": "hello"}, "message", "Write at least 10 characters."),
        (
            {"message": "x" * (LONGEST_MESSAGE + 1)},
            "message",
            "The message may have at most 5,000 characters.",
        ),
        ({"message": "ten letters\0"}, "message", "Null characters are not allowed."),
        ({"subject": "x" * 151}, "subject", "The subject may have at most 150 characters."),
        (
            {"message": "see " + "https://spam.example/ " * 4},
            "message",
            "There are 4 links in the message; at most 3 are taken.",
        ),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field(
    changes: dict[str, str], field: str, sentence: str
) -> None:
    assert ContactForm(fields(**changes)).sentences() == {field: [sentence]}


@pytest.mark.parametrize("field", ["name", "email", "subject"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b"])
def test_no_field_of_one_line_can_begin_another_header(field: str, end: str) -> None:
    form = ContactForm(fields(**{field: f"ada@example.org{end}Bcc: everybody@example.org"}))
    assert list(form.sentences()) == [field]


@pytest.mark.parametrize(
    ("signed", "sentence"),
    [
        ("", "This form was not drawn here."),
        ("abc:def:ghi", "This form was not drawn here."),
        (timedelta(hours=25), "This form was open for more than a day."),
        (timedelta(0), "That was faster than anybody writes."),
    ],
)
def test_a_form_needs_a_pass_that_was_drawn_here_a_while_ago(
    signed: str | timedelta, sentence: str
) -> None:
    form = ContactForm(fields(signed=signed if isinstance(signed, str) else a_pass(age=signed)))
    assert form.sentences()["form"][0].startswith(sentence)


def test_a_form_that_was_refused_is_drawn_with_a_pass_that_can_be_sent() -> None:
    good = fields()["signed"]
    assert ContactForm(fields(signed=good, name="")).next_pass == good
    renewed = ContactForm(fields(signed="forged")).next_pass
    assert form_token.message_id(renewed)
