"""The fields of the contact form, and their errors in plain sentences."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS

from portfolio.contact.form_token import PassRefused, message_id, new_pass, too_fast

LONGEST_NAME: Final = 100  # characters
LONGEST_SUBJECT: Final = 150
LONGEST_EMAIL: Final = 254  # RFC 5321
SHORTEST_MESSAGE: Final = 10
LONGEST_MESSAGE: Final = 5_000
MOST_LINKS: Final = 3

LINK: Final = re.compile(r"https?://|www\.", re.IGNORECASE)
TRAP: Final = "website"  # a field that people do not see, and spam programs fill in


class OneLine(forms.CharField):
    """Text of one line. A character that would begin a new line or mail header is refused."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
            raise forms.ValidationError("Write this on one line.", code="lines")
        return text


class OneLineEmail(forms.EmailField):
    """An email address. Django's validator refuses every kind of line break and blank in it."""


class ContactForm(forms.Form):
    """The fields that a visitor fills in, with the form token and a trap for programs."""

    name = OneLine(
        max_length=LONGEST_NAME,
        label="Your name",
        error_messages={
            "required": "Write your name.",
            "max_length": f"The name may have at most {LONGEST_NAME} characters.",
        },
    )
    email = OneLineEmail(
        max_length=LONGEST_EMAIL,
        label="Your email address",
        error_messages={
            "required": "Write the address that the answer should go to.",
            "invalid": "This is not an email address.",
            "max_length": f"The address may have at most {LONGEST_EMAIL} characters.",
        },
    )
    subject = OneLine(
        max_length=LONGEST_SUBJECT,
        required=False,
        label="Subject",
        error_messages={
            "max_length": f"The subject may have at most {LONGEST_SUBJECT} characters."
        },
    )
    message = forms.CharField(
        min_length=SHORTEST_MESSAGE,
        max_length=LONGEST_MESSAGE,
        label="Message",
        widget=forms.Textarea,
        error_messages={
            "required": "Write a message.",
            "min_length": f"Write at least {SHORTEST_MESSAGE} characters.",
            "max_length": f"The message may have at most {LONGEST_MESSAGE:,} characters.",
        },
    )
    signed = forms.CharField(required=False, max_length=200)
    website = forms.CharField(required=False)

    #: The id signed into the form; set by a successful `clean`.
    id: UUID

    def clean_message(self) -> str:
        text: str = self.cleaned_data["message"].replace("\r\n", "\n")
        links = len(LINK.findall(text))
        if links > MOST_LINKS:
            raise forms.ValidationError(
                f"There are {links} links in the message; at most {MOST_LINKS} are taken.",
                code="links",
            )
        return text

    def clean(self) -> dict[str, Any]:
        signed = self.cleaned_data.get("signed", "")
        try:
            self.id = message_id(signed)
        except PassRefused as error:
            raise forms.ValidationError(str(error), code="pass") from error
        if too_fast(signed):
            raise forms.ValidationError(
                "That was faster than anybody writes. Wait a few seconds and send it again.",
                code="fast",
            )
        return self.cleaned_data

    @property
    def is_trapped(self) -> bool:
        """Return whether the field that people do not see was filled in."""
        return bool(self.data.get(TRAP, "").strip())

    @property
    def next_pass(self) -> str:
        """The token for showing this form again: its own while that is valid, else a new one."""
        signed = str(self.data.get("signed", "")) if self.is_bound else ""
        try:
            message_id(signed)
        except PassRefused:
            return new_pass()
        return signed

    def typed(self, name: str) -> str:
        """Return the visitor's text in a field, even when it is not valid."""
        return str(self.data.get(name, "")) if self.is_bound else ""

    def sentences(self) -> dict[str, list[str]]:
        """Return the errors by field, with those of the whole form under `form`."""
        return {
            ("form" if name == NON_FIELD_ERRORS else name): [str(it) for it in errors]
            for name, errors in self.errors.items()
        }
