"""A kept message is mailed to the owner once, however often the mail server is away."""

from __future__ import annotations

import socketserver
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from typing import Any

import pytest

from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, database
from cluster.storefront.contact import mail
from cluster.storefront.contact.accept import NewMessage, keep
from cluster.storefront.contact.mail import Due, compose
from cluster.storefront.transactions import run_in_transaction
from config.mail import Mail, MailMisconfigured, configured
from tests.portfolio.contact.messages import WORDS, a_message

SETTINGS = Mail(
    host="127.0.0.1", port=25, tls="none", sender="site@example.org", recipient="owner@example.org"
)


def due(**changes: Any) -> Due:
    values: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "name": "Ada Obi",
        "email": "ada@example.org",
        "subject": "A queue",
        "message": WORDS,
        "received_at": datetime(2026, 11, 22, 21, 0, tzinfo=UTC),
    }
    return Due(**(values | changes))


def test_a_mail_is_answered_to_the_visitor_and_sent_by_the_site() -> None:
    mail = message_from_bytes(bytes(compose(SETTINGS, due())), policy=default_policy)
    assert mail["From"] == "site@example.org"
    assert mail["To"] == "owner@example.org"
    assert mail["Reply-To"] == "Ada Obi <ada@example.org>"
    assert mail["Subject"] == "A queue"
    assert mail["Message-ID"] == f"<contact-{uuid.UUID(int=1)}@example.org>"


def test_a_mail_can_have_no_more_headers_than_it_was_given() -> None:
    with pytest.raises(ValueError, match=r"linefeed|newline|CR"):
        compose(SETTINGS, due(subject="Hello\r\nBcc: everybody@example.org"))
    odd = compose(SETTINGS, due(name='Ada "Bcc: x@y.z" Obi, Ltd'))
    read = message_from_bytes(bytes(odd), policy=default_policy)
    assert len(read["Reply-To"].addresses) == 1


class OneMail(socketserver.StreamRequestHandler):
    """A mail server that accepts every mail, with the least of RFC 5321 that works."""

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            match line[:4].upper():
                case b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    body = b"".join(iter(self.rfile.readline, b".\r\n"))
                    self.server.taken.append(body)  # type: ignore[attr-defined]
                    self.wfile.write(b"250 taken\r\n")
                case b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                case _:
                    self.wfile.write(b"250 so be it\r\n")


def test_a_mail_reaches_a_real_server() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), OneMail) as server:
        server.taken = []  # type: ignore[attr-defined]
        serving = threading.Thread(target=server.handle_request, daemon=True)
        serving.start()
        mail.deliver(replace(SETTINGS, port=server.server_address[1]), compose(SETTINGS, due()))
        serving.join()
        [body] = server.taken  # type: ignore[attr-defined]
    taken = message_from_bytes(body, policy=default_policy)
    assert taken["Reply-To"] == "Ada Obi <ada@example.org>"
    assert WORDS in taken.get_content()


@pytest.fixture
def kept_message(platform: Any) -> Iterator[NewMessage]:
    """A contact message in the database, which is deleted afterwards."""
    letter = a_message()
    run_in_transaction(lambda work: keep(work, letter))
    yield letter
    run("DELETE FROM contact_message WHERE id = %s", letter.id)


def run(statement: str, *values: object) -> list[tuple[Any, ...]]:
    def act(work: UnitOfWork) -> list[tuple[Any, ...]]:
        work.cursor.execute(statement.encode(), values)
        return work.cursor.fetchall() if work.cursor.description else []

    return run_in_transaction(act)


def column(letter: NewMessage, name: str) -> Any:
    [(value,)] = run(f"SELECT {name} FROM contact_message WHERE id = %s", letter.id)
    return value


def mail_due(send: Callable[[Mail, EmailMessage], None]) -> None:
    """Mail what is due, as the site's worker does."""
    with closing(DatabaseSession(database("site"))) as session:
        mail.mail_due(SETTINGS, session, send=send)


@pytest.mark.platform
def test_a_mail_server_that_is_away_loses_nothing(kept_message: NewMessage) -> None:
    sent: list[EmailMessage] = []

    def fail(_settings: Mail, _mail: EmailMessage) -> None:
        raise ConnectionRefusedError("nobody listens")

    mail_due(fail)
    assert column(kept_message, "mail_error") == "ConnectionRefusedError: nobody listens"
    assert column(kept_message, "mailed_at") is None
    run("UPDATE contact_message SET mail_due_at = now() WHERE id = %s", kept_message.id)
    mail_due(lambda _, it: sent.append(it))
    assert [it["Message-ID"] for it in sent if str(kept_message.id) in it["Message-ID"]] != []
    assert column(kept_message, "mailed_at") is not None
    assert column(kept_message, "mail_error") == ""


@pytest.mark.platform
def test_a_message_that_went_out_is_not_mailed_again(kept_message: NewMessage) -> None:
    sent: list[str] = []
    for _ in range(2):
        mail_due(lambda _, it: sent.append(it["Message-ID"]))
    assert sum(str(kept_message.id) in identifier for identifier in sent) == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 25, "none", "")),
        ("smtp+starttls://u:p%40w@mail.example.org", ("mail.example.org", 587, "starttls", "p@w")),
        ("smtps://u:p@mail.example.org:2465", ("mail.example.org", 2465, "implicit", "p")),
    ],
)
def test_mail_is_configured_by_one_address(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: tuple[str, int, str, str]
) -> None:
    monkeypatch.setenv("EMAIL_URL", address)
    monkeypatch.setenv("EMAIL_TO", "owner@example.org")
    found = configured()
    assert found is not None
    assert (found.host, found.port, found.tls, found.password) == expected
    assert found.sender == "owner@example.org"


@pytest.mark.parametrize(
    ("address", "recipient"),
    [("http://mail.example.org", "o@e.org"), ("smtp://", "o@e.org"), ("smtp://mail", "")],
)
def test_half_a_configuration_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str, recipient: str
) -> None:
    monkeypatch.setenv("EMAIL_URL", address)
    monkeypatch.setenv("EMAIL_TO", recipient)
    with pytest.raises(MailMisconfigured):
        configured()


def test_without_an_address_nothing_is_mailed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)
    assert configured() is None
