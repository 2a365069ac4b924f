"""The erasure of a visitor: the services asked, their answers, and its end, without any I/O.

Every service is asked in *attempts*. An attempt asks all of them, and the erasure is complete when
all have answered the same one: a service that answered an earlier attempt may have received a late
message since, from the one that had not.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from config.waiting import back_off

# Identity answers to itself. These services answer by message.
SERVICES: Final = frozenset({"catalog", "orders", "payments", "checkout"})

# The wait for the receipts of an attempt doubles with each: a service that lags by more than the
# first wait could otherwise never answer the latest attempt.
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=5)

CHECKOUT_UNDER_WAY: Final = "a checkout of this visitor is under way"


class ErasureState(enum.StrEnum):
    """The state of an erasure, of which all but REQUESTED are final."""

    REQUESTED = "requested"
    COMPLETED = "completed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A service's answer: the number of its rows under the pseudonym after `attempt`."""

    attempt: int
    rows: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure, in which `version` counts its announcements and `receipts` are by service.

    Once it has ended, `visitor` no longer names the visitor and no attempt is due.
    """

    id: UUID
    visitor: str
    state: ErasureState = ErasureState.REQUESTED
    version: int = 0
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    ask_again_at: datetime | None = None

    @property
    def pseudonym(self) -> str:
        """The name that replaces the visitor's, and does not lead back to the visitor."""
        # The random end of the UUIDv7; its beginning is the time.
        return f"erased-{self.id.hex[-12:]}"

    @property
    def attempt(self) -> int:
        """The number of the latest attempt, 0 before the first."""
        # Until it has ended nothing but attempts is announced.
        return self.version - (self.state is not ErasureState.REQUESTED)

    @property
    def missing(self) -> frozenset[str]:
        """The services that have not answered the latest attempt."""
        return frozenset(
            service
            for service in SERVICES
            if service not in self.receipts or self.receipts[service].attempt < self.attempt
        )

    @property
    def rows(self) -> int:
        """The number of rows under the pseudonym, in all databases."""
        return sum(receipt.rows for receipt in self.receipts.values())

    def asked(self, now: datetime, *, own_rows: int) -> Erasure:
        """Return the erasure with one more attempt announced, and identity's own receipt for it."""
        attempt = self.attempt + 1
        wait = back_off(attempt, first=FIRST_WAIT, longest=LONGEST_WAIT)
        return replace(
            self,
            version=self.version + 1,
            receipts={**self.receipts, "identity": Receipt(attempt, own_rows)},
            ask_again_at=now + wait,
        )

    def postponed(self, now: datetime) -> Erasure:
        """Return the erasure for a later attempt, since its visitor has a checkout in flight."""
        return replace(self, ask_again_at=now + FIRST_WAIT)

    def answered(self, service: str, receipt: Receipt) -> Erasure:
        """Return the erasure with a receipt, completed when none is missing any more.

        A receipt that comes after the end, or for an attempt already answered, changes nothing.
        """
        if self.state is not ErasureState.REQUESTED:
            return self
        known = self.receipts.get(service)
        if known is not None and known.attempt >= receipt.attempt:
            return self
        collected = replace(self, receipts={**self.receipts, service: receipt})
        return collected if collected.missing else collected.completed()

    def refused(self) -> Erasure:
        return replace(self, visitor="", state=ErasureState.REFUSED, version=self.version + 1)

    def completed(self) -> Erasure:
        return replace(
            self,
            visitor=self.pseudonym,
            state=ErasureState.COMPLETED,
            version=self.version + 1,
            ask_again_at=None,
        )


def why_not_erasable(*, held: int) -> str | None:
    """Return the reason why a visitor with `held` pence on hold cannot be erased now, or None."""
    return CHECKOUT_UNDER_WAY if held else None
