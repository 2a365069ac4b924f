"""A leased login of one database role, and the calls that lease, renew and revoke it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from cluster.secrets.vault import VaultClient

RENEW_AFTER: Final = 2 / 3  # of what the last grant gave
# A renewal that grants less than this part of the full TTL was cut short by max_ttl: the lease has
# at most one more TTL to live, so its successor is leased while it still works.
FULL_GRANT: Final = 0.9


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user and password with which a connection logs in.

    `generation` grows by one with each new login. Static credentials have no `lease_id`, no
    `expires_at` and generation 0.
    """

    username: str
    password: str = field(repr=False)
    lease_id: str | None
    generation: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease of Vault's database engine. Times are monotonic seconds."""

    lease_id: str
    username: str
    password: str = field(repr=False)
    ttl: float
    renew_at: float
    ends_at: float
    last_grant: float

    @property
    def nearly_used_up(self) -> bool:
        """Return whether `max_ttl` has cut the last grant short."""
        return self.last_grant < FULL_GRANT * self.ttl

    def credentials(self, generation: int) -> Credentials:
        remaining = timedelta(seconds=self.ends_at - time.monotonic())
        return Credentials(
            self.username, self.password, self.lease_id, generation, datetime.now(UTC) + remaining
        )


class Lessor:
    """Leases logins of one role of the database engine through a Vault client."""

    def __init__(self, vault: VaultClient, role: str) -> None:
        self.vault = vault
        self.role = role

    def obtain(self) -> Lease:
        asked = time.monotonic()  # before the request: a slow answer must not lengthen the lease
        answer = self.vault.read(f"database/creds/{self.role}")
        duration = float(answer["lease_duration"])
        return Lease(
            lease_id=answer["lease_id"],
            username=answer["data"]["username"],
            password=answer["data"]["password"],
            ttl=duration,
            renew_at=asked + RENEW_AFTER * duration,
            ends_at=asked + duration,
            last_grant=duration,
        )

    def renew(self, lease: Lease) -> Lease:
        """Renew the lease and return it with its new end.

        Raises LeaseNotFound when it has expired.
        """
        asked = time.monotonic()
        granted = float(
            self.vault.write(f"sys/leases/renew/{lease.lease_id}", {"increment": int(lease.ttl)})[
                "lease_duration"
            ]
        )
        return replace(
            lease,
            renew_at=asked + RENEW_AFTER * granted,
            ends_at=asked + granted,
            last_grant=granted,
        )

    def revoke(self, lease: Lease, *, timeout: float | None = None) -> None:
        self.vault.revoke_lease(lease.lease_id, timeout=timeout)
