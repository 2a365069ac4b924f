"""A family of tokens: all the tokens that one sign-in has led to, and its end, without any I/O.

Each refresh secret is good for one exchange. One that comes a second time has been copied, so the
whole family ends (RFC 9700, section 4.14.2). Secrets are known here by their SHA-256 only.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

FAMILY_LIFE: Final = timedelta(days=7)  # the time for which its refresh secrets may be exchanged
MOST_EXCHANGES: Final = 2_500  # one every four minutes, for all of that time
COPIED: Final = "a refresh token was used twice"


class FamilyState(enum.StrEnum):
    """The state of a family, of which REVOKED is final."""

    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Family:
    """One family of tokens, in which `current` is the hash of the secret to exchange next."""

    visitor: str
    current: str
    ends_at: datetime
    state: FamilyState = FamilyState.ACTIVE
    used: frozenset[str] = frozenset()

    def refresh(self, presented: str, new: str, now: datetime) -> tuple[Family, str]:
        """Return the family after an exchange and the reason of a refusal, empty when granted."""
        if self.state is FamilyState.REVOKED:
            return self, "the tokens were revoked"
        if presented in self.used:
            return self.revoke(), COPIED
        if presented != self.current or new == presented or new in self.used:
            return self, "the refresh token is unknown"
        if now >= self.ends_at or len(self.used) >= MOST_EXCHANGES:
            return self, "the refresh token has expired"
        return replace(self, current=new, used=self.used | {presented}), ""

    def revoke(self) -> Family:
        return replace(self, state=FamilyState.REVOKED)


def new_family(visitor: str, refresh_hash: str, now: datetime) -> Family:
    """Return a family that begins now."""
    return Family(visitor, refresh_hash, now + FAMILY_LIFE)
