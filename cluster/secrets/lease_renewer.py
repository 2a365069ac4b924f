"""The lease renewer: a thread that always holds valid credentials of one database.

It renews the lease at two thirds of its TTL. It leases new credentials when `max_ttl` cuts a
renewal short, when the lease was revoked, or when PostgreSQL rejects the login. It revokes the old
lease once no connection uses it any more. While Vault is unreachable it goes on trying, and the
credentials it has stay in use.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cluster.secrets.leases import Credentials, Lease, Lessor
from cluster.secrets.vault import LeaseNotFound, SecretsError, SecretsUnavailable
from config.waiting import back_off

OVERLAP: Final = 20.0  # seconds that old credentials outlive their successor, at most
RETIREMENT_CHECK: Final = 0.25  # seconds between checks whether the old ones are still in use
FIRST_DELAY: Final = 0.1  # seconds before the second try; doubles up to LONGEST_DELAY
LONGEST_DELAY: Final = 2.0  # seconds; short, so that it soon notices Vault's return
REPLACEMENT_INTERVAL: Final = 1.0  # seconds between forced replacements, to spare Vault
LONGEST_SLEEP: Final = 30.0  # seconds; often enough to keep Vault's token alive
LOG_EVERY: Final = 10.0  # seconds between warnings about the same failure
GOODBYE_TIMEOUT: Final = 1.0  # seconds given to Vault when the process ends

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Retired:
    """Credentials that were replaced, until their lease is revoked."""

    lease: Lease
    generation: int
    revoke_at: float


class LeaseRenewer:
    """Keeps one lease alive, in a daemon thread that starts with the object.

    `in_use` returns whether connections of a generation are still open. `on_rotation` is called, in
    the renewer's thread, with each new generation but the first.
    """

    def __init__(
        self,
        lessor: Lessor,
        *,
        in_use: Callable[[int], bool],
        on_rotation: Callable[[Credentials], None],
        overlap: float = OVERLAP,
    ) -> None:
        self.lessor = lessor
        self._in_use = in_use
        self._on_rotation = on_rotation
        self._overlap = overlap
        self._changed = threading.Condition()
        self.lease: Lease | None = None  # the current one; other threads only read it
        self._generation = 0
        self._unwanted = 0  # the newest generation that a caller wants replaced
        self._retired: list[_Retired] = []
        self._stopping = False
        self.trouble: SecretsError | None = None  # the error of the last try, None if it succeeded
        self._failures = 0
        self._try_at = 0.0
        self._logged_at = float("-inf")
        self._replaced_at = float("-inf")
        self._thread = threading.Thread(
            target=self._run, name=f"lease-renewer-{lessor.role}", daemon=True
        )
        self._thread.start()

    def credentials(self, *, newer_than: int = 0, patience: float | None) -> Credentials:
        """Return the current credentials, of a generation after `newer_than`.

        Waits at most `patience` seconds (None: for ever) for such, and then raises
        SecretsUnavailable.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or self._generation > newer_than, patience
            )
            if self.lease is None or self._generation <= newer_than:
                trouble = self.trouble or "the renewer has stopped"
                raise SecretsUnavailable(
                    f"no credentials of {self.lessor.role}: {trouble}"
                ) from self.trouble
            return self.lease.credentials(self._generation)

    def replace(self, generation: int) -> None:
        """Ask for a successor of this generation at once, as when PostgreSQL rejects it."""
        with self._changed:
            self._unwanted = max(self._unwanted, generation)
            self._changed.notify_all()

    @property
    def generation(self) -> int:
        return self._generation

    def stop(self, *, give_back: bool = True) -> bool:
        """End the thread, revoke the leases and return whether Vault answered in time.

        Without `give_back` it revokes none and returns False.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if not give_back:
            return False
        self._thread.join(GOODBYE_TIMEOUT)
        leases = [retired.lease for retired in self._retired]
        for lease in [*leases, self.lease] if self.lease else leases:
            try:
                self.lessor.revoke(lease, timeout=GOODBYE_TIMEOUT)
            except SecretsUnavailable:
                return False  # they expire by themselves
            except SecretsError:
                continue
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                # Not wait_for: each request for a replacement moves the time at which work is due.
                # One that comes too soon after the last must not wait for an unrelated renewal.
                while not self._stopping and not self._due():
                    if not self._changed.wait(self._sleep()):
                        break
                if self._stopping:
                    return
            if time.monotonic() >= self._try_at:
                self._step()

    def _step(self) -> None:
        """Do the work that is due, where a failure only moves the next try into the future."""
        try:
            self.lessor.vault.keep_alive()
            self._keep_lease()
            self._revoke_retired()
        except SecretsError as error:
            self._note_failure(error)
        except Exception as error:
            # The thread must outlive a defect of ours: without it the process loses its database.
            logger.exception("the lease renewer of %s failed once", self.lessor.role)
            self._note_failure(SecretsError(str(error)))
        else:
            if self.trouble is not None:
                logger.info("Vault answers again: %s has its credentials", self.lessor.role)
            self.trouble, self._failures = None, 0

    def _keep_lease(self) -> None:
        lease, now = self.lease, time.monotonic()
        if self._replacement_due(now):
            self._lease_anew()
            self._replaced_at = now
        elif lease is None or self._used_up(lease, now):
            self._lease_anew()
        elif now >= lease.renew_at:
            try:
                renewed = self.lessor.renew(lease)
            except LeaseNotFound:
                logger.warning("lease %s was revoked: leasing anew", lease.lease_id)
                self._unwanted = self._generation  # if leasing fails, it is retried by this
                self._lease_anew()
                return
            with self._changed:
                self.lease = renewed
            if self._used_up(renewed, now):
                self._lease_anew()

    def _lease_anew(self) -> None:
        fresh, old = self.lessor.obtain(), self.lease
        with self._changed:
            if old is not None:
                revoke_at = min(time.monotonic() + self._overlap, old.ends_at)
                self._retired.append(_Retired(old, self._generation, revoke_at))
            self.lease = fresh
            self._generation += 1
            credentials = fresh.credentials(self._generation)
            self._changed.notify_all()
        logger.info("%s: generation %d is %s", self.lessor.role, self._generation, fresh.username)
        if old is not None:
            self._on_rotation(credentials)

    def _revoke_retired(self) -> None:
        """Revoke each old lease that has no connection, or whose overlap has passed."""
        for retired in list(self._retired):
            now = time.monotonic()
            if now < retired.revoke_at and self._in_use(retired.generation):
                continue
            try:
                self.lessor.revoke(retired.lease)
            except SecretsUnavailable:
                if now < retired.lease.ends_at:
                    raise
            except SecretsError as error:
                logger.debug("lease %s had ended: %s", retired.lease.lease_id, error)
            self._retired.remove(retired)

    def _note_failure(self, error: SecretsError) -> None:
        now = time.monotonic()
        self._failures += 1
        self._try_at = now + back_off(self._failures, first=FIRST_DELAY, longest=LONGEST_DELAY)
        self.trouble = error
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            logger.warning("%s: %s; trying on every %g s", self.lessor.role, error, LONGEST_DELAY)

    def _replacement_due(self, now: float) -> bool:
        unwanted = self._generation > 0 and self._unwanted >= self._generation
        return unwanted and now >= self._replaced_at + REPLACEMENT_INTERVAL

    @staticmethod
    def _used_up(lease: Lease, now: float) -> bool:
        """Return whether a lease has expired or, cut short by max_ttl, is about to."""
        return lease.nearly_used_up or now >= lease.ends_at

    def _due(self) -> bool:
        """Return whether new credentials are to be leased now."""
        now = time.monotonic()
        return now >= self._try_at and (
            self.lease is None or self._used_up(self.lease, now) or self._replacement_due(now)
        )

    def _sleep(self) -> float:
        """Return the seconds until work is due by itself."""
        now = time.monotonic()
        if now < self._try_at:
            return self._try_at - now
        times = [now + LONGEST_SLEEP]
        if self.lease is not None:
            times.append(self.lease.renew_at)
            if self._unwanted >= self._generation:
                times.append(self._replaced_at + REPLACEMENT_INTERVAL)
        if self._retired:
            times.append(now + RETIREMENT_CHECK)
        return max(0.0, min(times) - now)
