"""Running work for the site's database outside its worker: from a page or a command."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from cluster.messaging.outbox import unit_of_work
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, DatabaseUnavailable, database
from cluster.storefront.admission import Overloaded, record_refused
from config.waiting import retry

# PostgreSQL is back 0.4 to 2.2 s after a crash: a caller that waits so long sees no error.
PAUSES: Final = (0.1, 0.3, 0.8, 1.5)  # seconds

Result = TypeVar("Result")


def run_in_transaction(act: Callable[[UnitOfWork], Result]) -> Result:
    """Run `act` in one transaction of the site's database and return its result.

    Its messages are written in the same transaction.

    When the connection is lost, `act` runs again, so it must be idempotent: the lost transaction
    may have been committed. Checkouts that `act` refuses because of the load are counted. Raises
    DatabaseUnavailable when the database stays away.
    """
    session = DatabaseSession(database("site"))
    try:
        return retry(lambda: _run_once(session, act), on=DatabaseUnavailable, pauses=PAUSES)
    except Overloaded as overloaded:
        refused = overloaded.refused  # counted apart: their transaction was rolled back
        with suppress(DatabaseUnavailable):
            _run_once(session, lambda work: record_refused(work, refused))
        raise
    finally:
        session.close()


def _run_once(session: DatabaseSession, act: Callable[[UnitOfWork], Result]) -> Result:
    with unit_of_work(session, source="site") as work:
        return act(work)
