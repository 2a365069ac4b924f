"""The contact form keeps valid messages, refuses others, and loses no text that was typed."""

from __future__ import annotations

import re
import socketserver
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from http import HTTPStatus
from typing import Any

import pytest
import requests
from django.core import signing
from django.test import Client, RequestFactory
from django.test.utils import override_settings

from cluster.kit.visitors import sender_address
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.storefront.contact import accept, mail
from cluster.storefront.contact.accept import (
    MOST_OF_ALL,
    MOST_OF_ONE,
    NewMessage,
    TooManyMessages,
    keep,
)
from cluster.storefront.contact.mail import Due, compose
from config.mail import Mail, MailMisconfigured, configured
from portfolio.contact import form_token
from portfolio.contact import views as page
from portfolio.contact.form import LONGEST_MESSAGE, ContactForm
from tests.conditions import eventually

WORDS = "We have a queue that loses messages, and nobody knows where."
JSON = {"Accept": "application/json"}
SETTINGS = Mail(
    host="127.0.0.1", port=25, tls="none", sender="site@example.org", recipient="owner@example.org"
)


@pytest.fixture(autouse=True)
def _key() -> Iterator[None]:
    """Sign form tokens with a key of the tests, since the platform's key is in Vault."""
    with override_settings(SECRET_KEY="a key of the tests"):
        yield


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


# The form ------------------------------------------------------------------------------


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


# Keeping ------------------------------------------------------------------------------


@pytest.mark.platform
def test_a_message_is_kept_as_it_was_written(site_work: UnitOfWork) -> None:
    letter = a_message(subject="A queue")
    keep(site_work, letter)
    site_work.cursor.execute(
        "SELECT name, email, subject, message, state, mailed_at FROM contact_message WHERE id = %s",
        (letter.id,),
    )
    assert site_work.cursor.fetchone() == (
        "Ada Obi",
        "ada@example.org",
        "A queue",
        WORDS,
        "new",
        None,
    )


@pytest.mark.platform
def test_a_form_that_is_sent_twice_keeps_one_message(site_work: UnitOfWork) -> None:
    letter = a_message()
    keep(site_work, letter)
    keep(site_work, letter)
    assert count(site_work, letter.remote) == 1


@pytest.mark.platform
def test_one_sender_may_write_five_times_an_hour(site_work: UnitOfWork) -> None:
    remote = uuid.uuid4().hex
    for _ in range(MOST_OF_ONE):
        keep(site_work, a_message(remote=remote))
    with pytest.raises(TooManyMessages) as refusal:
        keep(site_work, a_message(remote=remote))
    assert refusal.value.status == HTTPStatus.TOO_MANY_REQUESTS
    keep(site_work, a_message())  # the limit does not concern another sender


@pytest.mark.platform
def test_a_flood_from_many_addresses_ends_for_the_day(site_work: UnitOfWork) -> None:
    for _ in range(MOST_OF_ALL):
        site_work.cursor.execute(
            accept.KEEP,
            (new_message_id(), "", "", "", "", site_work.now, uuid.uuid4().hex, "new", None),
        )
    with pytest.raises(TooManyMessages) as refusal:
        keep(site_work, a_message())
    assert refusal.value.status == HTTPStatus.SERVICE_UNAVAILABLE


@pytest.mark.platform
def test_what_filled_in_the_trap_is_kept_for_the_owner_and_never_mailed(
    site_work: UnitOfWork,
) -> None:
    letter = a_message(trapped=True)
    keep(site_work, letter)
    site_work.cursor.execute(
        "SELECT state, mail_due_at FROM contact_message WHERE id = %s", (letter.id,)
    )
    assert site_work.cursor.fetchone() == ("spam", None)


def count(work: UnitOfWork, remote: str) -> int:
    work.cursor.execute("SELECT count(*) FROM contact_message WHERE remote = %s", (remote,))
    (found,) = work.cursor.fetchone() or (0,)
    return int(found)


# The sender ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("93.184.216.34", "", "93.184.216.34"),
        ("93.184.216.34", "151.101.1.69", "93.184.216.34"),  # a visitor may send any header
        ("127.0.0.1", "151.101.1.69", "151.101.1.69"),
        ("10.0.0.3", "1.2.3.4, 151.101.1.69", "151.101.1.69"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("", "", ""),
    ],
)
def test_the_address_of_a_sender_is_what_the_nearest_proxy_saw(
    peer: str, forwarded: str, expected: str
) -> None:
    request = RequestFactory().get("/contact/", REMOTE_ADDR=peer)
    if forwarded:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    assert sender_address(request) == expected


def test_what_is_kept_of_an_address_does_not_contain_it() -> None:
    request = RequestFactory().get("/contact/", REMOTE_ADDR="93.184.216.34")
    assert re.fullmatch(r"[0-9a-f]{32}", page.remote_of(request))


# Mailing ------------------------------------------------------------------------------


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


@pytest.mark.platform
def test_a_mail_server_that_is_away_loses_nothing(kept_message: NewMessage) -> None:
    sent: list[EmailMessage] = []

    def fail(_settings: Mail, _mail: EmailMessage) -> None:
        raise ConnectionRefusedError("nobody listens")

    session = site_session()
    mail.mail_due(SETTINGS, session, send=fail)
    assert column(kept_message, "mail_error") == "ConnectionRefusedError: nobody listens"
    assert column(kept_message, "mailed_at") is None
    run(session, "UPDATE contact_message SET mail_due_at = now() WHERE id = %s", kept_message.id)
    mail.mail_due(SETTINGS, session, send=lambda _, it: sent.append(it))
    session.close()
    assert [it["Message-ID"] for it in sent if str(kept_message.id) in it["Message-ID"]] != []
    assert column(kept_message, "mailed_at") is not None
    assert column(kept_message, "mail_error") == ""


@pytest.mark.platform
def test_a_message_that_went_out_is_not_mailed_again(kept_message: NewMessage) -> None:
    sent: list[str] = []
    session = site_session()
    for _ in range(2):
        mail.mail_due(SETTINGS, session, send=lambda _, it: sent.append(it["Message-ID"]))
    session.close()
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


# Over HTTP ----------------------------------------------------------------------------


def test_with_the_database_away_the_message_stays_in_the_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_act: Any) -> None:
        raise DatabaseUnavailable("site")

    monkeypatch.setattr(page, "run_in_transaction", away)
    monkeypatch.setattr(page, "_words", lambda: None)
    answer = Client().post("/contact/", fields())
    text = answer.content.decode()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "your message was not kept. It is still in the form" in text
    assert WORDS in text
    assert 'value="ada@example.org"' in text


def test_a_request_whose_token_is_refused_keeps_what_was_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "_words", lambda: None)
    answer = Client(enforce_csrf_checks=True).post("/contact/", fields())
    assert answer.status_code == 403
    assert WORDS in answer.content.decode()


def test_what_was_typed_is_escaped_when_it_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_words", lambda: None)
    evil = '"><script>alert(1)</script></textarea><script>'
    answer = Client().post("/contact/", fields(name=evil, message=evil, email="x"))
    assert answer.status_code == 422
    assert "<script>alert" not in answer.content.decode()


def test_programs_get_a_problem_document_with_a_sentence_for_each_field(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "_words", lambda: None)
    answer = Client(headers=JSON).post("/contact/", fields(name=""))
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Write your name.",
        "instance": "/contact/",
        "errors": {"name": ["Write your name."]},
    }


@pytest.mark.platform
def test_a_program_that_sends_a_form_twice_is_told_of_one_message(platform_url: str) -> None:
    with requests.Session() as visitor:
        drawn = visitor.get(f"{platform_url}/contact/", timeout=10).text
        [signed] = re.findall(r'name="signed" value="([^"]+)"', drawn)
        visitor.headers["X-CSRFToken"] = str(visitor.cookies["csrftoken"])
        written = fields(signed=signed)
        url = f"{platform_url}/contact/"

        def taken() -> requests.Response | None:
            answer = visitor.post(url, data=written, headers=JSON, timeout=10)
            return answer if answer.status_code == HTTPStatus.CREATED else None

        answers = [eventually(taken) for _ in range(2)]  # the first attempts are too fast
    identifiers = {answer.json()["id"] for answer in answers if answer}
    session = site_session()
    run(session, "DELETE FROM contact_message WHERE id = ANY(%s)", [*map(uuid.UUID, identifiers)])
    session.close()
    assert len(identifiers) == 1


@pytest.mark.platform
def test_the_page_is_a_form_that_works_without_javascript(platform_url: str) -> None:
    answer = requests.get(f"{platform_url}/contact/", timeout=10)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    for name in ("csrfmiddlewaretoken", "signed", "name", "email", "subject", "message"):
        assert f'name="{name}"' in answer.text


# Helpers of the tests above --------------------------------------------------------------


def site_session() -> Any:
    from cluster.secrets.postgres import DatabaseSession, database

    return DatabaseSession(database("site"))


def run(session: Any, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with session.transaction() as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def column(letter: NewMessage, name: str) -> Any:
    session = site_session()
    [(value,)] = run(session, f"SELECT {name} FROM contact_message WHERE id = %s", letter.id)
    session.close()
    return value


@pytest.fixture
def kept_message(platform: Any) -> Iterator[NewMessage]:
    """A contact message in the database, which is deleted afterwards."""
    letter = a_message()
    session = site_session()
    with session.transaction() as connection:
        keep(UnitOfWork(connection, source="site"), letter)
    yield letter
    run(session, "DELETE FROM contact_message WHERE id = %s", letter.id)
    session.close()
