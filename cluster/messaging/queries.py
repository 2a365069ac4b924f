"""Rows of the messaging tables, which every service's database has, as others read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from cluster.secrets.postgres import Cursor

# The outbox's ids count every message ever put there. They come from a sequence, and failed
# transactions lose a few of them.
DEPTHS: Final = """
    SELECT (SELECT last_value FROM outbox_id_seq),
           (SELECT count(*) FROM outbox),
           (SELECT extract(epoch FROM now() - min(created_at)) FROM outbox)::float8,
           (SELECT count(*) FROM parked),
           (SELECT count(*) FROM dead_letter),
           (SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL),
           (SELECT coalesce(sum(replays), 0) FROM dead_letter)::bigint
"""
APPLIED_LATELY: Final = """
    SELECT count(*) FROM inbox WHERE applied_at > now() - interval '10 seconds'
"""
COUNTERS: Final = "SELECT name, value FROM counter"
APPLIED: Final = """
    SELECT message_id, type, applied, sequence, applied_at
      FROM inbox WHERE message_id = ANY (%s) ORDER BY applied_at
"""
HAS_EFFECT: Final = """
    SELECT EXISTS (SELECT FROM inbox WHERE message_id = %(id)s)
        OR EXISTS (SELECT FROM parked WHERE message_id = %(id)s)
        OR EXISTS (SELECT FROM dead_letter WHERE message_id = %(id)s)
"""
ANNOUNCED: Final = "SELECT subject FROM outbox_stream WHERE subject = ANY (%s)"

_LETTER: Final = (
    "id, message_id, source, type, subject, sequence, reason, detail, created_at, replayed_at, "
    "replays"
)
LETTERS: Final = f"""
    SELECT {_LETTER}, body
      FROM dead_letter WHERE %(every)s OR replayed_at IS NULL ORDER BY id
"""  # noqa: S608  (names of our own)
# Without the bodies, each of which may be as long as a message.
NEWEST_LETTERS: Final = f"""
    SELECT {_LETTER}
      FROM dead_letter WHERE (replayed_at IS NULL) = %s ORDER BY id DESC LIMIT %s
"""  # noqa: S608
LETTER: Final = f"SELECT {_LETTER}, body FROM dead_letter WHERE id = %s"  # noqa: S608
LETTERS_ABOUT: Final = f"""
    SELECT {_LETTER}
      FROM dead_letter WHERE created_at >= %s AND subject = ANY (%s) ORDER BY id
"""  # noqa: S608


class Depths(NamedTuple):
    """The messages that one database holds. `outbox_age` is in seconds, None for an empty one."""

    written: int  # to the outbox, ever, and some gaps
    outbox: int
    outbox_age: float | None
    parked: int
    dead_letters: int
    dead_letters_waiting: int
    replays: int  # of all dead letters


class AppliedMessage(NamedTuple):
    """A message of an inbox. `applied` is how often it took effect, `at` when it first did."""

    id: UUID
    type: str
    applied: int
    sequence: int | None
    at: datetime


class KeptDeadLetter(msgspec.Struct, frozen=True):
    """One dead letter, which `service` could not apply. `body` is left out of lists."""

    service: str
    number: int
    message_id: UUID | None
    source: str
    type: str
    subject: str
    sequence: int | None
    reason: str
    detail: str
    created_at: datetime
    replayed_at: datetime | None
    replays: int
    body: bytes | None = None

    @property
    def id(self) -> str:
        """The name that the command line uses for it, too."""
        return f"{self.service}:{self.number}"

    def text(self) -> str:
        """Return the body as text, with visible escapes for bytes that are not UTF-8."""
        return (self.body or b"").decode(errors="backslashreplace")


def depths(cursor: Cursor) -> Depths:
    """Return how many messages wait in the outbox, parked and as dead letters."""
    row = cursor.execute(DEPTHS).fetchone()
    assert row is not None, "an aggregate has a row"
    return Depths(*row)


def applied_lately(cursor: Cursor) -> int:
    """Return the number of messages that were applied in the last ten seconds."""
    (count,) = cursor.execute(APPLIED_LATELY).fetchone() or (0,)
    return int(count)


def counters(cursor: Cursor) -> Counter[str]:
    """Return how often each thing that is counted has happened since the database was made."""
    return Counter(dict(cursor.execute(COUNTERS).fetchall()))


def applied(cursor: Cursor, ids: Sequence[UUID]) -> list[AppliedMessage]:
    """Return which of these messages the inbox has applied, in that order."""
    return [AppliedMessage(*row) for row in cursor.execute(APPLIED, (list(ids),))]


def has_effect(cursor: Cursor, message: UUID) -> bool:
    """Return whether a message has come here and was applied, parked or kept as a dead letter."""
    return cursor.execute(HAS_EFFECT, {"id": message}).fetchone() == (True,)


def announced(cursor: Cursor, subjects: Sequence[str]) -> set[str]:
    """Return the subjects of which this database's outbox has ever held a message."""
    return {subject for (subject,) in cursor.execute(ANNOUNCED, (list(subjects),))}


def dead_letters(cursor: Cursor, service: str, *, every: bool) -> list[KeptDeadLetter]:
    """Return the dead letters, oldest first, with those that were replayed if `every`."""
    return [KeptDeadLetter(service, *row) for row in cursor.execute(LETTERS, {"every": every})]


def newest_dead_letters(
    cursor: Cursor, service: str, *, waiting: bool, most: int
) -> list[KeptDeadLetter]:
    """Return the newest dead letters, without bodies: those that wait, or those replayed."""
    rows = cursor.execute(NEWEST_LETTERS, (waiting, most))
    return [KeptDeadLetter(service, *row) for row in rows]


def dead_letter(cursor: Cursor, service: str, number: int) -> KeptDeadLetter | None:
    """Return the dead letter of this number, or None when there is none."""
    if number >= 1 << 63:  # beyond bigint, where PostgreSQL would refuse the query
        return None
    row = cursor.execute(LETTER, (number,)).fetchone()
    return KeptDeadLetter(service, *row) if row else None


def dead_letters_about(
    cursor: Cursor, service: str, since: datetime, subjects: Sequence[str]
) -> list[KeptDeadLetter]:
    """Return the dead letters about these subjects since a moment, oldest first, without bodies."""
    rows = cursor.execute(LETTERS_ABOUT, (since, list(subjects)))
    return [KeptDeadLetter(service, *row) for row in rows]
