"""The pass that is signed into each contact form: when it was drawn, and for which message.

It names the message before it is written. Sending a form twice therefore keeps one
message, and one pass cannot be used by a program to send many.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core import signing

from cluster.messaging.envelope import new_message_id

SHORTEST: Final = timedelta(seconds=3)  # nobody reads the form and writes a message in less
LONGEST: Final = timedelta(hours=24)  # a form left open over night may still be sent


class PassRefused(Exception):
    """The form cannot be taken as it is; the message says what to do."""


def _signer() -> signing.TimestampSigner:
    # Not at import: the key comes from Vault.
    return signing.TimestampSigner(salt="portfolio.contact")


def new_pass() -> str:
    """A pass for a form that is drawn now."""
    return _signer().sign(new_message_id().hex)


def message_id(signed: str) -> UUID:
    """The id of the message that this pass is for; raises PassRefused."""
    try:
        identifier = UUID(_signer().unsign(signed, max_age=LONGEST))
    except signing.SignatureExpired as error:
        raise PassRefused(
            "This form was open for more than a day. Your words are still here: send it again."
        ) from error
    except (signing.BadSignature, ValueError) as error:
        raise PassRefused(
            "This form was not drawn here. Your words are still here: send it again."
        ) from error
    return identifier


def too_fast(signed: str) -> bool:
    """Whether a valid pass is younger than anybody can write."""
    try:
        _signer().unsign(signed, max_age=SHORTEST)
    except signing.SignatureExpired:
        return False
    return True
