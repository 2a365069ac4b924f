"""Faults of a database while its server runs: sessions ended or refused, read-only, slow.

Each is injected by the superuser. The settings made with ALTER SYSTEM outlive the
server's death, and so does the refusal of connections: only the heal undoes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from chaos.drivers.driver import Driver
from chaos.faults.fault import FaultWords, HardFault, MomentaryFault
from cluster.health.armed_faults import ArmedFault
from config.environment import DATABASES

RELOAD: Final = "SELECT pg_reload_conf()"
# Ends the clients of this connection's database, and no background process.
END_SESSIONS: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend'
       AND pid <> pg_backend_pid()
"""
MOST_DELAY: Final = 100  # milliseconds: PostgreSQL accepts no more
USUAL_DELAY: Final = 80  # milliseconds


class DatabaseFault(HardFault):
    """A fault whose target is one of the six databases."""

    def targets(self) -> tuple[str, ...]:
        return DATABASES

    def reaches(self, target: str) -> tuple[str, ...]:
        return (f"postgres-{target}",)


class EndDatabaseSessions(DatabaseFault, MomentaryFault):
    """Every session of the database ends, also in the middle of a transaction."""

    name = "end-database-sessions"
    words = FaultWords(
        title="End every session of a database",
        verb="cut off",
        what="All sessions are terminated; open transactions are rolled back.",
    )
    afterwards = "the services connect again by themselves"

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        [(ended,)] = driver.sql(armed.target, [END_SESSIONS], within=armed.target)
        return f"{ended} sessions of the database {armed.target} were ended"


class RefuseDatabaseConnections(DatabaseFault):
    """The database ends its sessions, and accepts no new connections."""

    name = "refuse-database-connections"
    words = FaultWords(
        title="Refuse connections to a database",
        verb="closed",
        what="The database ends its sessions and accepts no new ones.",
    )

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        [(ended,)] = driver.sql(
            armed.target,
            [
                f'ALTER DATABASE "{armed.target}" ALLOW_CONNECTIONS false',
                # From the maintenance database, since the other refuses even the superuser.
                END_SESSIONS.replace("current_database()", f"'{armed.target}'"),
            ],
        )
        return f"the database {armed.target} lets nobody in; {ended} sessions were ended"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        driver.sql(
            armed.target,
            [
                "SET default_transaction_read_only = off",  # the server may be read-only too
                f'ALTER DATABASE "{armed.target}" ALLOW_CONNECTIONS true',
            ],
        )
        return f"the database {armed.target} accepts connections again"


class ReadOnlyDatabase(DatabaseFault):
    """Every new transaction is read-only: a write fails with SQLSTATE 25006."""

    name = "read-only-database"
    words = FaultWords(
        title="Make a database read-only",
        verb="made read-only",
        what="Reads go on; every write is refused.",
    )

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        driver.sql(armed.target, ["ALTER SYSTEM SET default_transaction_read_only = on", RELOAD])
        return f"the database {armed.target} refuses writes"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        # ALTER SYSTEM writes a file and no data: it is allowed in a read-only transaction.
        driver.sql(armed.target, ["ALTER SYSTEM RESET default_transaction_read_only", RELOAD])
        return f"the database {armed.target} takes writes again"


class SlowDatabase(DatabaseFault):
    """Every commit waits before it is flushed to disk, as on a busy disk."""

    name = "slow-database"
    words = FaultWords(
        title="Slow the commits of a database",
        verb="slowed",
        what="Every commit waits some milliseconds before it is written to the disk.",
    )
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"milliseconds": (1, MOST_DELAY)}

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        delay = int(armed.parameters.get("milliseconds", USUAL_DELAY))
        driver.sql(
            armed.target,
            [
                f"ALTER SYSTEM SET commit_delay = {1000 * delay}",  # microseconds
                "ALTER SYSTEM SET commit_siblings = 0",  # also when no other session commits
                RELOAD,
            ],
        )
        return f"each commit in the database {armed.target} takes {delay} ms longer"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        reset = ["ALTER SYSTEM RESET commit_delay", "ALTER SYSTEM RESET commit_siblings", RELOAD]
        driver.sql(armed.target, reset)
        return f"commits in the database {armed.target} are not delayed any more"
