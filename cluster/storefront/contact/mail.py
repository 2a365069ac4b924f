"""Mailing contact messages: from the site's worker, one attempt at a time, until each is sent.

A message is reserved in one transaction, sent outside of any, and marked in another. A process that
dies in between leaves it reserved until `mail_due_at`. Then it is sent again under the same
Message-ID, which mail programs show once.
"""

from __future__ import annotations

import logging
import smtplib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Any, Final, NamedTuple
from uuid import UUID

from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, DatabaseUnavailable, database
from config.mail import Mail, MailMisconfigured, configured

logger = logging.getLogger(__name__)

TIMEOUT: Final = 15.0  # seconds; a mail server that needs longer is tried again
# The first wait after a failure doubles until the longest: a server may be away for days.
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=6)
LONGEST_ERROR: Final = 300  # characters

ANY_DUE: Final = """
    SELECT 1 FROM contact_message
     WHERE mailed_at IS NULL AND mail_due_at <= %s AND state <> 'spam' LIMIT 1
"""
RESERVE: Final = """
    UPDATE contact_message m
       SET mail_attempts = m.mail_attempts + 1,
           mail_due_at = %s + LEAST(%s * power(2, LEAST(m.mail_attempts, 16)), %s)
      FROM (SELECT id FROM contact_message
             WHERE mailed_at IS NULL AND mail_due_at <= %s AND state <> 'spam'
             ORDER BY mail_due_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
     WHERE m.id = due.id
    RETURNING m.id, m.name, m.email, m.subject, m.message, m.received_at
"""
SENT: Final = """
    UPDATE contact_message SET mailed_at = %s, mail_due_at = NULL, mail_error = '' WHERE id = %s
"""
FAILED: Final = "UPDATE contact_message SET mail_error = %s WHERE id = %s"

Send = Callable[[Mail, EmailMessage], None]


class Due(NamedTuple):
    """A message that is to be mailed."""

    id: UUID
    name: str
    email: str
    subject: str
    message: str
    received_at: datetime


_sender: threading.Thread | None = None


def mail_messages(work: UnitOfWork) -> None:
    """Start mailing in a thread when a contact message is due.

    The worker's one thread runs this as scheduled work and also writes the journal, which a mail
    server must not hold up.
    """
    global _sender  # noqa: PLW0603  # one in a process
    try:
        settings = configured()
    except MailMisconfigured as error:
        logger.warning("no message is mailed: %s", error)
        return
    if settings is None or (_sender is not None and _sender.is_alive()):
        return
    work.cursor.execute(ANY_DUE, (work.now,))
    if work.cursor.fetchone() is None:
        return
    _sender = threading.Thread(
        target=_mail_quietly, args=(settings,), name="contact-mail", daemon=True
    )
    _sender.start()


def mail_due(settings: Mail, session: DatabaseSession, *, send: Send | None = None) -> int:
    """Attempt all due messages, one by one, and return the number that were sent."""
    sent = 0
    while (due := _reserve(session)) is not None:
        try:
            (send or deliver)(settings, compose(settings, due))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            logger.warning("message %s was not mailed: %s", due.id, type(error).__name__)
            _write(session, FAILED, (f"{type(error).__name__}: {error}"[:LONGEST_ERROR], due.id))
        else:
            _write(session, SENT, (datetime.now(UTC), due.id))
            sent += 1
    return sent


def compose(settings: Mail, due: Due) -> EmailMessage:
    """Return the mail to the owner, with the visitor's address for the answer, never as the sender.

    Raises ValueError for a header with a line break, which the form has refused before.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = settings.sender
    mail["To"] = settings.recipient
    mail["Reply-To"] = formataddr((due.name, due.email))
    mail["Subject"] = due.subject or f"Message from {due.name}"
    mail["Date"] = format_datetime(due.received_at)
    mail["Message-ID"] = f"<contact-{due.id}@{settings.sender.rpartition('@')[2].strip('>')}>"
    # Asks mail programs not to send absence notices for it.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{due.message}\n\n--\n{due.name} <{due.email}>\nby the contact form\n")
    return mail


def deliver(settings: Mail, mail: EmailMessage) -> None:
    """Send `mail` to the server.

    Raises OSError or SMTPException.
    """
    kind = smtplib.SMTP_SSL if settings.tls == "implicit" else smtplib.SMTP
    with kind(settings.host, settings.port, timeout=TIMEOUT) as server:
        if settings.tls == "starttls":
            server.starttls()
        if settings.user:
            server.login(settings.user, settings.password)
        server.send_message(mail)


def _mail_quietly(settings: Mail) -> None:
    session = DatabaseSession(database("site"))
    try:
        mail_due(settings, session)
    except DatabaseUnavailable as error:
        logger.warning("mailing is left for the next time: %s", error)
    finally:
        session.close()


def _reserve(session: DatabaseSession) -> Due | None:
    with session.transaction() as connection:
        now = datetime.now(UTC)
        row = connection.execute(RESERVE, (now, FIRST_WAIT, LONGEST_WAIT, now)).fetchone()
    return None if row is None else Due(*row)


def _write(session: DatabaseSession, statement: str, values: tuple[Any, ...]) -> None:
    with session.transaction() as connection:
        connection.execute(statement.encode(), values)
