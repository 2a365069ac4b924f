"""The windows for which records are kept: the one table from which every purge takes its own.

The README and the admin's first page show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from config.environment import setting

JOURNAL: Final = timedelta(days=14)
INBOX: Final = timedelta(days=7)
DEMO_RUNS: Final = timedelta(days=7)
IDEMPOTENCY_KEYS: Final = timedelta(hours=24)
PROVIDER_EVENTS: Final = timedelta(days=7)
GAUGES: Final = timedelta(hours=24)
OUTAGES: Final = timedelta(days=90)
HISTORY_DAYS: Final = 30  # unless the setting says otherwise
# Streams that are in the journal still have their positions, and nothing redelivered or refunded
# may be about what is closed: a week is far beyond any redelivery.
MOST_DAYS: Final = 36_500
LEAST_HISTORY: Final = JOURNAL + INBOX


class HorizonTooNear(ValueError):
    """HISTORY_DAYS is no number of days, or too small a one."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"HISTORY_DAYS is {value!r}. It must be a whole number of days, at least "
            f"{LEAST_HISTORY.days}: the journal is kept for {JOURNAL.days} days, and a message "
            f"may come {INBOX.days} days late."
        )


def horizon() -> timedelta:
    """Return the age at which ended checkouts, refunds and erasures are closed.

    Raises HorizonTooNear when the setting HISTORY_DAYS is below LEAST_HISTORY.
    """
    value = setting("HISTORY_DAYS", str(HISTORY_DAYS))
    if not (value.isdecimal() and LEAST_HISTORY.days <= int(value) <= MOST_DAYS):
        raise HorizonTooNear(value)
    return timedelta(days=int(value))


def refundable() -> timedelta:
    """Return the age up to which an order may be refunded: the refund ends before the horizon."""
    return horizon() - INBOX


@dataclass(frozen=True, slots=True)
class Window:
    """One kind of record. `kept` is None while nothing prunes it.

    `statement` names the SQL that prunes it, as module:name.
    """

    record: str
    kept: timedelta | None
    statement: str = ""

    @property
    def words(self) -> str:
        """The time for which it is kept, as people say it: "14 days"."""
        if self.kept is None:
            return "always"
        hours = self.kept // timedelta(hours=1)
        return f"{self.kept.days} days" if self.kept.days > 1 else f"{hours} hours"


def windows() -> tuple[Window, ...]:
    """Return every kind of record that grows with time, with its window."""
    return (
        Window(
            "ended checkouts, refunds and erasures, with their rows and streams in every service",
            horizon(),
            "cluster.messaging.history:CLOSE",
        ),
        Window("journal", JOURNAL, "cluster.storefront.retention:PURGE_JOURNAL"),
        Window("message ids of an inbox", INBOX, "cluster.messaging.streams:PURGE"),
        Window("runs of demos", DEMO_RUNS, "cluster.storefront.retention:PURGE_DEMO_RUNS"),
        Window(
            "idempotency keys",
            IDEMPOTENCY_KEYS,
            "cluster.storefront.retention:PURGE_IDEMPOTENCY_KEYS",
        ),
        Window(
            "events of the payment provider",
            PROVIDER_EVENTS,
            "cluster.payments.handlers:FORGET_EVENTS",
        ),
        Window("measurements of the observer", GAUGES, "cluster.health.observer.repository:PURGE"),
        Window("outages", OUTAGES, "cluster.health.observer.repository:PURGE"),
        Window("the provider's own books", None),
        Window("dead letters", None),
        Window("experiment runs and incidents", None),
    )
