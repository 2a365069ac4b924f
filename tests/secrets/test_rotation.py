"""Credentials rotate under load without a failed transaction, and PostgreSQL ends old ones."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Self

import psycopg
import pytest

from cluster.secrets.leases import Credentials
from cluster.secrets.postgres import Database, DatabaseSession, DatabaseUnavailable
from cluster.secrets.provisioning_postgres import superuser_connection
from cluster.secrets.vault import VaultClient
from config import environment
from tests.conditions import eventually
from tests.secrets.conftest import Servers, lease_of, value


class Load:
    """Threads, each of which increments a row of its own in one transaction after the other."""

    def __init__(self, database: Database, threads: int = 4) -> None:
        self.database = database
        self.committed = [0] * threads
        self.failures: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(index,)) for index in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, index: int) -> None:
        with contextlib.closing(DatabaseSession(self.database)) as session:
            while not self._stop.is_set():
                try:
                    with session.transaction() as connection:
                        connection.execute(
                            "UPDATE tally SET count = count + 1 WHERE id = %s", [index + 1]
                        )
                except (psycopg.Error, AssertionError) as error:
                    self.failures.append(error)
                else:
                    self.committed[index] += 1


def rejected(credentials: Credentials) -> bool:
    """Return whether PostgreSQL refuses these credentials."""
    try:
        psycopg.connect(
            environment.database_url("orders"),
            user=credentials.username,
            password=credentials.password,
        ).close()
    except psycopg.OperationalError:
        return True
    return False


def sessions_of(username: str) -> int:
    with superuser_connection("orders") as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [username]
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_no_transaction_fails_over_three_rotations_under_load(
    orders: Database, counter: str
) -> None:
    announced: list[Credentials] = []
    orders.on_rotation.append(announced.append)
    started, first = time.monotonic(), orders.current().generation
    with Load(orders) as load:
        eventually(lambda: orders.current().generation >= first + 3, within=25)
        done = sum(load.committed)
        eventually(lambda: sum(load.committed) > done + 100)
    print(
        f"{sum(load.committed)} transactions, 3 rotations, {time.monotonic() - started:.1f} s, "
        f"{len(load.failures)} failures"
    )
    assert load.failures == []
    assert [credentials.generation for credentials in announced[:3]] == [
        first + 1, first + 2, first + 3,
    ]  # fmt: skip
    with orders.connect() as connection:
        rows = connection.execute("SELECT count FROM tally ORDER BY id LIMIT 4").fetchall()
    assert [count for (count,) in rows] == load.committed


def test_old_credentials_are_rejected_once_every_connection_has_moved(
    orders: Database, counter: str
) -> None:
    with Load(orders) as load:
        eventually(lambda: min(load.committed) > 0)
        old = orders.current()
        orders.rotate()
        handed_over = time.monotonic()
        eventually(lambda: rejected(old))
        print(f"old lease given back {time.monotonic() - handed_over:.2f} s after the hand-over")
        assert sessions_of(old.username) == 0
    assert load.failures == []


def test_a_second_wish_right_behind_the_first_waits_for_its_turn_and_no_longer(
    orders: Database,
) -> None:
    """The renewer once slept until the next renewal, and the caller gave up after ten seconds."""
    first = orders.rotate()

    second = orders.rotate()

    assert second.generation == first.generation + 1


def test_a_renewed_lease_keeps_its_credentials(orders: Database) -> None:
    first = orders.current()
    assert first.expires_at is not None
    end = first.expires_at
    eventually(lambda: (orders.current().expires_at or end) > end)
    renewed = orders.current()
    assert (renewed.username, renewed.generation) == (first.username, first.generation)


def test_revoking_a_lease_ends_its_sessions_at_once(
    orders: Database, operator: VaultClient
) -> None:
    credentials = orders.current()
    connection = orders.connect(autocommit=True)
    operator.revoke_lease(lease_of(credentials))
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    assert connection.closed
    assert rejected(credentials)


def test_a_service_recovers_from_a_revoked_lease_by_itself(
    orders: Database, counter: str, operator: VaultClient
) -> None:
    with Load(orders) as load:
        eventually(lambda: min(load.committed) > 20)
        old = orders.current()
        before, started = list(load.committed), time.monotonic()
        operator.revoke_lease(lease_of(old))
        eventually(
            lambda: all(now > then + 20 for now, then in zip(load.committed, before, strict=True))
        )
        print(
            f"recovered {time.monotonic() - started:.2f} s after the revocation, "
            f"{len(load.failures)} transactions had to run again"
        )
        assert sessions_of(old.username) == 0
    assert all(isinstance(failure, DatabaseUnavailable) for failure in load.failures)
    # Each session is cut once, and its transaction then runs again: none runs twice, none is lost.
    # A session that reconnects before the new login exists is refused, which cuts none.
    cut = [failure for failure in load.failures if "failed: FATAL" not in str(failure)]
    assert len(cut) <= len(load.committed)


def test_a_revoked_lease_is_replaced_though_no_connection_notices(
    orders: Database, operator: VaultClient
) -> None:
    old = orders.current()
    operator.revoke_lease(lease_of(old))
    eventually(lambda: orders.current().generation > old.generation)


def test_reconnecting_storms_leave_no_session_behind(
    orders: Database, operator: VaultClient
) -> None:
    """A session that logs in while its role is being dropped must not outlive the role."""
    old, stop = orders.current(), threading.Event()
    kept: list[psycopg.Connection[tuple[object, ...]]] = []

    def storm() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            while not stop.is_set():
                kept.append(
                    psycopg.connect(
                        environment.database_url("orders"),
                        user=old.username, password=old.password,
                    )
                )  # fmt: skip
                if len(kept) > 20:
                    kept.pop(0).close()

    threads = [threading.Thread(target=storm) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(kept) > 10)
    operator.revoke_lease(lease_of(old))
    eventually(lambda: not any(thread.is_alive() for thread in threads), within=5)
    stop.set()
    with superuser_connection("orders") as connection:
        eventually(
            lambda: (
                connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL "
                    "AND usename IS NULL"
                ).fetchone()
                == (0,)
            )
        )


def test_a_revocation_moves_stray_objects_to_the_owner(
    owner: Database, operator: VaultClient
) -> None:
    credentials = owner.current()
    with owner.connect(autocommit=True) as connection:
        connection.execute("SET ROLE NONE")
        connection.execute("CREATE TABLE stray (id int)")
    operator.revoke_lease(lease_of(credentials))
    owned_by = value(owner, "SELECT tableowner FROM pg_tables WHERE tablename = 'stray'")
    with owner.connect(autocommit=True) as connection:
        connection.execute("DROP TABLE stray")
    assert owned_by == "orders_owner"


def test_an_expired_lease_ends_its_sessions(servers: Servers) -> None:
    """No process renews this lease, so it expires after two seconds."""
    leased = VaultClient(identity="orders").read("database/creds/orders")
    username = leased["data"]["username"]
    connection = psycopg.connect(
        environment.database_url("orders"), user=username, password=leased["data"]["password"]
    )
    assert sessions_of(username) == 1
    eventually(lambda: sessions_of(username) == 0)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_an_idle_session_that_was_cut_begins_anew_without_a_failure(
    orders: Database, counter: str
) -> None:
    session = DatabaseSession(orders)
    with session.transaction() as connection:
        pid = connection.info.backend_pid
    with superuser_connection("orders") as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 1000)", [pid])
    with session.transaction() as connection:
        assert connection.info.backend_pid != pid
    session.close()


def test_a_transaction_that_is_cut_raises_and_the_next_one_works(
    orders: Database, counter: str
) -> None:
    session = DatabaseSession(orders)
    with (  # noqa: PT012  (the cut has to come in the middle)
        pytest.raises(DatabaseUnavailable),
        session.transaction() as connection,
    ):
        connection.execute("UPDATE tally SET count = 99")
        with superuser_connection("orders") as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(%s, 1000)", [connection.info.backend_pid]
            )
        connection.execute("UPDATE tally SET count = 100")
    with session.transaction() as connection:
        assert connection.execute("SELECT max(count) FROM tally").fetchone() == (0,)
    session.close()


def test_an_error_of_the_statement_itself_is_passed_on_unchanged(
    orders: Database, counter: str
) -> None:
    session = DatabaseSession(orders)
    with pytest.raises(psycopg.errors.UniqueViolation), session.transaction() as connection:
        connection.execute("INSERT INTO tally VALUES (1, 0)")
    with session.transaction() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    session.close()


def test_closing_gives_the_lease_back(servers: Servers, operator: VaultClient) -> None:
    database = Database("orders")
    lease_id = database.current().lease_id
    assert lease_id in operator.list_leases("orders")
    started = time.monotonic()
    database.close()
    print(f"closed in {time.monotonic() - started:.3f} s")
    assert lease_id not in operator.list_leases("orders")
