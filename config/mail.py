"""The settings of outgoing mail, which are optional: EMAIL_URL, EMAIL_TO and EMAIL_FROM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from config.environment import setting

# The scheme of EMAIL_URL: how the connection is kept private, and its usual port
# (RFC 6409 for submission, RFC 8314 for implicit TLS).
SCHEMES: Final = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("implicit", 465),
}


class MailMisconfigured(ValueError):
    """The settings of mail contradict themselves, as the message says."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server, a sender and a recipient. `tls` is none, starttls or implicit."""

    host: str
    port: int
    tls: str
    sender: str
    recipient: str
    user: str = ""  # empty: without logging in
    password: str = field(default="", repr=False)


def configured() -> Mail | None:
    """Return where mail goes, or None when there is no EMAIL_URL.

    EMAIL_URL is `smtp+starttls://user:password@host:587`, or with `smtps` or `smtp`. EMAIL_TO
    is the recipient's address and EMAIL_FROM the sender's (the same unless set). Raises
    MailMisconfigured.
    """
    address = setting("EMAIL_URL", "")
    if not address:
        return None
    try:
        url = urlsplit(address)
        tls, usual_port = SCHEMES[url.scheme]
        host, port = url.hostname, url.port or usual_port
    except (KeyError, ValueError):
        host, port, tls = None, 0, ""
    if not host:
        raise MailMisconfigured(
            f"EMAIL_URL must be {', '.join(SCHEMES)} and then ://user:password@host:port"
        )
    recipient = setting("EMAIL_TO", "")
    if "@" not in recipient:
        raise MailMisconfigured("EMAIL_TO must be the address that reads the messages")
    return Mail(
        host=host,
        port=port,
        tls=tls,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        sender=setting("EMAIL_FROM", recipient),
        recipient=recipient,
    )
