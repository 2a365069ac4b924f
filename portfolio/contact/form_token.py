"""The signed token of each contact form: when the form was shown, and for which message.

It names the message before it is written. Sending a form twice therefore keeps one
message, and a program cannot use one token to send many.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core import signing

from cluster.messaging.envelope import new_message_id

SHORTEST: Final = timedelta(seconds=3)  # a person needs longer to read the form and write
LONGEST: Final = timedelta(hours=24)  # a form left open over night may still be sent


class PassRefused(Exception):
    """The form token is not valid. The message says what the visitor can do."""


def _signer() -> signing.TimestampSigner:
    # Not at import: the key comes from Vault.
    return signing.TimestampSigner(salt="portfolio.contact")


def new_pass() -> str:
    """Return a token for a form that is shown now."""
    return _signer().sign(new_message_id().hex)


def message_id(signed: str) -> UUID:
    """Return the id of the message that this token is for. Raises PassRefused."""
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
    """Return whether a valid token is younger than SHORTEST."""
    try:
        _signer().unsign(signed, max_age=SHORTEST)
    except signing.SignatureExpired:
        return False
    return True
