"""Waiting for a service's answer: the question goes out by the outbox, the answer is journalled.

By this a synchronous request, such as one of the HTTP API, asks a service without a connection to
it: the question waits while broker or service are away, and the client may stop waiting earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from typing import Any, Final, TypeVar
from uuid import UUID

from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message, decode_envelope, decode_message
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, DatabaseUnavailable, database
from config.waiting import wait_until

EVERY: Final = 0.02  # seconds; an answer takes 50 ms on a quiet cluster
PATIENCE: Final = 5.0  # seconds; longer than a database's restart, shorter than a client's timeout

NEXT: Final = """
    SELECT envelope::text FROM journal
     WHERE correlation = %s AND type = ANY (%s) ORDER BY seq LIMIT 1
"""

Answer = TypeVar("Answer")


def await_answer(
    correlation: UUID, schemas: Collection[type[Payload]], *, within: float = PATIENCE
) -> Message[Any] | None:
    """Return the first message of one of these types in the correlation, or None if it is late.

    `within` is in seconds. Raises DatabaseUnavailable when the site's database stays away.
    """
    names = [schema.message_type.name for schema in schemas]
    return await_that(lambda work: _answer(work, correlation, names), within=within)


def await_that(
    look: Callable[[UnitOfWork], Answer | None], *, within: float = PATIENCE
) -> Answer | None:
    """Return the result of `look` in the site's database, repeated until it is not None.

    None after `within` seconds. For reads alone: `look` runs in a transaction of its own each time,
    on one connection.
    """
    with closing(DatabaseSession(database("site"))) as session:

        def find() -> Answer | None:
            with session.transaction() as connection:
                return look(UnitOfWork(connection, source="site"))

        return wait_until(
            find,
            holds=lambda found: found is not None,
            despite=DatabaseUnavailable,
            within=within,
            every=EVERY,
        )


def _answer(work: UnitOfWork, correlation: UUID, names: list[str]) -> Message[Any] | None:
    work.cursor.execute(NEXT, (correlation, names))
    row = work.cursor.fetchone()
    return None if row is None else decode_message(decode_envelope(row[0].encode()))
