"""The bench `rotation`: credentials change under load, by rotation and by revocation.

Some threads run short transactions on the site's database, each over a session of its own
that logs in with credentials leased from Vault. First nothing changes; then the bench
rotates the credentials again and again; then it revokes the lease in use, as an operator
would after a leak. It counts the transactions that failed, and measures how long old
sessions stayed. At last the payment provider's keys are rotated (provider_keys.py).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from chaos.benchmarks import provider_keys
from chaos.benchmarks.document import Figures, Result, percentile
from chaos.benchmarks.scratch import address, databases
from cluster.secrets.postgres import Database, DatabaseSession, DatabaseUnavailable
from cluster.secrets.vault import VaultClient
from compose.errors import PlainError
from config.waiting import wait_until

NAME: Final = "rotation"
ROTATIONS: Final = 50  # in each run
RUNS: Final = 3
THREADS: Final = 4
REVOCATIONS: Final = 10  # a tenth of a second to a second each
PAUSE: Final = 0.1  # seconds between two rotations
STEADY: Final = 5.0  # seconds of load without any change
# Between two revocations: longer than the least time between two forced replacements.
BREATH: Final = 1.2  # seconds
GONE_WITHIN: Final = 30.0  # seconds; the overlap of a rotation is 20 at most

# Two milliseconds of work, so that a change of credentials mostly falls into a transaction.
WORK: Final = "SELECT count(*), pg_sleep(0.002) FROM product"
RATIOS: Final = {"rotating_vs_steady_p99": ("rotating.p99_ms", "steady.p99_ms")}
SESSIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"


@dataclass
class Load:
    """Threads that run one transaction after another, and count and repeat a failed one."""

    database: Database
    latencies: list[float] = field(default_factory=list)
    failed: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        self._stop = threading.Event()
        self.last_success = [0.0] * THREADS
        threads = [threading.Thread(target=self._work, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            self.await_success_after(time.perf_counter())
            self.latencies.clear()
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def await_success_after(self, moment: float) -> float:
        """Wait until every thread has completed a transaction begun after `moment`.

        Returns the seconds from `moment` to the start of the latest one.
        """
        wait_until(
            lambda: min(self.last_success) > moment,
            within=GONE_WITHIN,
            every=0.0005,
            failure=PlainError("The load of the bench does not get through any more."),
        )
        return max(self.last_success) - moment

    def figures(self) -> Figures:
        return {
            "transactions": len(self.latencies),
            "failed": self.failed,
            "p50_ms": round(1000 * percentile(self.latencies, 50), 2),
            "p99_ms": round(1000 * percentile(self.latencies, 99), 2),
            "slowest_ms": round(1000 * max(self.latencies), 1),
        }

    def _work(self, number: int) -> None:
        session = DatabaseSession(self.database)
        try:
            while not self._stop.is_set():
                started = time.perf_counter()
                try:
                    with session.transaction() as connection:
                        connection.execute(WORK)
                except DatabaseUnavailable:
                    self.failed += 1
                    continue
                ended = time.perf_counter()
                self.latencies.append(ended - started)
                self.last_success[number] = started
        finally:
            session.close()


def measure(*, count: int, runs: int, say: Callable[[str], None]) -> Result:
    """Run the bench, with `count` rotations a run, or raise PlainError."""
    with databases() as postgresql:
        found = [_run(count, f"run {n} of {runs}", say) for n in range(1, runs + 1)]
    return Result.of(NAME, found, versions={"postgresql": postgresql}, ratios=RATIOS)


def _run(rotations: int, which: str, say: Callable[[str], None]) -> dict[str, Any]:
    figures: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    database = Database("site", identity="site")
    try:
        database.wait()
        say(f"{which}: load, and nothing changes")
        load = Load(database)
        with load.running():
            time.sleep(STEADY)
        figures["steady"] = load.figures()
        say(f"{which}: {rotations} rotations")
        figures["rotating"] = _rotate(database, rotations)
        say(f"{which}: {REVOCATIONS} revocations")
        figures["revoking"] = _revoke(database)
        say(f"{which}: the provider's keys, {provider_keys.ROTATIONS} rotations of each")
        figures["provider_keys"] = provider_keys.measure_keys()
    finally:
        database.close()
    return figures


def _rotate(database: Database, rotations: int) -> Figures:
    load = Load(database)
    overlaps = []
    with (
        psycopg.connect(**address("site", name="site"), autocommit=True) as watcher,
        load.running(),
    ):
        for _ in range(rotations):
            old = database.current().username
            database.rotate()
            rotated = time.perf_counter()
            _await_gone(watcher, old)
            overlaps.append(time.perf_counter() - rotated)
            time.sleep(PAUSE)
    return {
        **load.figures(),
        "rotations": rotations,
        "overlap_p50_ms": round(1000 * percentile(overlaps, 50), 1),
        "overlap_longest_ms": round(1000 * max(overlaps), 1),
    }


def _revoke(database: Database) -> Figures:
    operator = VaultClient.for_identity("operator")
    load = Load(database)
    recoveries = []
    with load.running():
        for _ in range(REVOCATIONS):
            lease = database.current().lease_id
            if lease is None:
                raise PlainError("This database's credentials are fixed: nothing can be revoked.")
            operator.revoke_lease(lease)
            recoveries.append(load.await_success_after(time.perf_counter()))
            time.sleep(BREATH)
    return {
        **load.figures(),
        "revocations": REVOCATIONS,
        "recovery_p50_ms": round(1000 * percentile(recoveries, 50), 1),
        "recovery_longest_ms": round(1000 * max(recoveries), 1),
    }


def _await_gone(watcher: psycopg.Connection[Any], user: str) -> None:
    """Wait until no session of this login is left."""
    wait_until(
        lambda: watcher.execute(SESSIONS, (user,)).fetchone() == (0,),
        within=GONE_WITHIN,
        every=0.001,
        failure=PlainError(f"Sessions of {user} stay for more than {GONE_WITHIN:.0f} s."),
    )
