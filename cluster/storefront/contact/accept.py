"""Keeping a contact message: limits and row in one transaction of the site's database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import TooManyRequests

# For each sender: enough for a correction, and too few to disturb the owner.
PERIOD: Final = timedelta(hours=1)
MOST_OF_ONE: Final = 5
# Of all senders together: a flood from many addresses stops here, not in the owner's inbox.
DAY: Final = timedelta(days=1)
MOST_OF_ALL: Final = 200

# A lock for each sender would do for the first limit. The second needs one for all.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('contact_message', 0))"
KNOWN: Final = "SELECT 1 FROM contact_message WHERE id = %s"
RECENT: Final = """
    SELECT count(*) FILTER (WHERE remote = %s AND received_at > %s), count(*)
      FROM contact_message WHERE received_at > %s
"""
KEEP: Final = """
    INSERT INTO contact_message (id, name, email, subject, message, received_at, remote, state,
                                 mail_due_at, mail_attempts, mail_error)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, '')
    ON CONFLICT (id) DO NOTHING
"""


class TooManyMessages(TooManyRequests):
    """This sender, or all of them together, have written enough, as the message explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A contact message as it came, checked."""

    id: UUID
    name: str
    email: str
    subject: str
    message: str
    remote: str  # a keyed hash of the sender's address; an empty one has no limit of its own
    trapped: bool  # kept, for the owner to judge, and never mailed


def keep(work: UnitOfWork, letter: NewMessage) -> None:
    """Keep a contact message, unless it is kept already.

    Raises TooManyMessages.
    """
    work.cursor.execute(LOCK)
    work.cursor.execute(KNOWN, (letter.id,))
    if work.cursor.fetchone() is not None:
        return
    work.cursor.execute(RECENT, (letter.remote, work.now - PERIOD, work.now - DAY))
    of_one, of_all = work.cursor.fetchone() or (0, 0)
    if letter.remote and of_one >= MOST_OF_ONE:
        raise TooManyMessages(
            f"{of_one} messages have come from your address within an hour. Wait before the next.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=int(PERIOD.total_seconds()),
        )
    if of_all >= MOST_OF_ALL:
        raise TooManyMessages(
            "More messages have come today than anybody writes. Try again tomorrow.",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            retry_after=int(DAY.total_seconds()),
        )
    work.cursor.execute(
        KEEP,
        (
            letter.id,
            letter.name,
            letter.email,
            letter.subject,
            letter.message,
            work.now,
            letter.remote,
            "spam" if letter.trapped else "new",
            None if letter.trapped else work.now,
        ),
    )
