"""What a visitor writes in the contact form, and what the form sends with it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import signing

from cluster.messaging.envelope import new_message_id
from cluster.storefront.contact.accept import NewMessage

WORDS = "We have a queue that loses messages, and nobody knows where."


def a_pass(*, age: timedelta = timedelta(minutes=1)) -> str:
    """Return a form token as the site signed it `age` ago."""
    drawn = datetime.now(UTC) - age
    signer = signing.TimestampSigner(salt="portfolio.contact")
    signer.timestamp = lambda: signing.b62_encode(int(drawn.timestamp()))  # type: ignore[method-assign]
    return signer.sign(new_message_id().hex)


def fields(**changes: str) -> dict[str, str]:
    typed = {
        "name": "Ada Obi",
        "email": "ada@example.org",
        "subject": "A queue",
        "message": WORDS,
        "signed": a_pass(),
        "website": "",
    }
    return typed | changes


def a_message(**changes: Any) -> NewMessage:
    values: dict[str, Any] = {
        "id": new_message_id(),
        "name": "Ada Obi",
        "email": "ada@example.org",
        "subject": "",
        "message": WORDS,
        "remote": uuid.uuid4().hex,
        "trapped": False,
    }
    return NewMessage(**(values | changes))
