"""While Vault is away, services go on with their leases, and recover by themselves."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from cluster.secrets import postgres
from cluster.secrets.postgres import Database, DatabaseSession, DatabaseUnavailable
from cluster.secrets.secret_reader import read_secret
from cluster.secrets.vault import SecretsDenied, SecretsUnavailable, VaultClient
from tests.conditions import eventually
from tests.secrets.conftest import Servers, value


@pytest.fixture
def sealed(servers: Servers) -> Iterator[Servers]:
    servers.seal()
    yield servers
    servers.unseal()


def test_a_sealed_vault_is_a_passing_trouble(sealed: Servers) -> None:
    with pytest.raises(SecretsUnavailable, match="sealed"):
        VaultClient(identity="orders").read_kv("redis")


def test_an_unreachable_vault_is_a_passing_trouble(servers: Servers) -> None:
    started = time.monotonic()
    with pytest.raises(SecretsUnavailable, match="unreachable"):
        VaultClient(identity="orders", address="http://127.0.0.1:9").read_kv("redis")
    assert time.monotonic() - started < 1


def test_work_goes_on_while_vault_is_sealed_during_renewal(
    orders: Database, counter: str, servers: Servers
) -> None:
    session = DatabaseSession(orders)
    before = orders.current()
    servers.seal()
    try:
        renewer = orders._renewer
        assert renewer is not None
        eventually(lambda: renewer.trouble is not None)
        assert works(session)
        assert orders.current().generation == before.generation
    finally:
        servers.unseal()
    unsealed = time.monotonic()
    eventually(lambda: renewer.trouble is None)
    print(f"renewer recovered {time.monotonic() - unsealed:.2f} s after the unsealing")
    assert works(session)
    session.close()


def test_a_session_outlives_an_outage_longer_than_its_lease(
    orders: Database, counter: str, servers: Servers
) -> None:
    session = DatabaseSession(orders)
    with session.transaction():
        before = orders.current()
    servers.seal()
    try:
        lapsed = threading.Event()
        renewer = orders._renewer
        assert renewer is not None
        assert renewer.lease is not None
        # Only the clock decides when a lease ends, so the test waits for that time.
        lapsed.wait(renewer.lease.ends_at - time.monotonic())
        assert works(session)  # sealed, Vault cannot end the session
    finally:
        servers.unseal()
    eventually(lambda: orders.current().generation > before.generation)
    eventually(lambda: works(session))
    session.close()


def works(session: DatabaseSession) -> bool:
    """Return whether a session can run a transaction."""
    with contextlib.suppress(DatabaseUnavailable), session.transaction() as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)
    return False


def test_a_process_that_starts_before_vault_waits_for_it(servers: Servers) -> None:
    servers.seal()
    database, got = Database("orders"), threading.Event()

    def start() -> None:
        read_secret("redis")
        database.wait()
        got.set()

    starting = threading.Thread(target=start)
    try:
        starting.start()
        renewer = database._running_renewer()
        eventually(lambda: renewer.trouble is not None)
        assert not got.is_set()
    finally:
        servers.unseal()
    assert got.wait(10)
    starting.join()
    database.close()


def test_connecting_gives_up_in_time_when_there_is_no_lease(
    sealed: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LEASE_PATIENCE", 0.3)
    database = Database("orders")
    with pytest.raises(DatabaseUnavailable, match="sealed"):
        database.connect()
    started = time.monotonic()
    database.close()
    assert time.monotonic() - started < 3


def test_a_revoked_token_is_replaced_by_a_new_login(servers: Servers) -> None:
    vault = VaultClient(identity="orders")
    first = vault.read("auth/token/lookup-self")["data"]
    servers.root().write("auth/token/revoke-accessor", {"accessor": first["accessor"]})
    assert vault.read_kv("redis")["password"] == "redis/password"
    second = vault.read("auth/token/lookup-self")["data"]
    assert second["accessor"] != first["accessor"]


def test_a_token_is_renewed_when_most_of_its_life_has_passed(servers: Servers) -> None:
    vault = VaultClient(identity="orders")
    token = vault.read("auth/token/lookup-self")["data"]
    vault._refresh_at = time.monotonic()
    vault.keep_alive()
    assert vault._refresh_at > time.monotonic() + 600
    renewed = vault.read("auth/token/lookup-self")["data"]
    assert renewed["accessor"] == token["accessor"]
    assert renewed["last_renewal_time"] is not None


def test_leases_survive_the_loss_of_their_token(orders: Database, servers: Servers) -> None:
    """Vault revokes a token's leases with it, so the renewer leases anew under a new token."""
    before = orders.current()
    renewer = orders._renewer
    assert renewer is not None
    accessor = renewer.lessor.vault.read("auth/token/lookup-self")["data"]["accessor"]
    servers.root().write("auth/token/revoke-accessor", {"accessor": accessor})
    eventually(lambda: orders.current().generation > before.generation)
    assert value(orders, "SELECT 1") == 1


def test_a_missing_secret_id_file_is_named(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("APPROLE_DIR", str(tmp_path_factory.mktemp("none")))
    with pytest.raises(SecretsDenied, match=r"orders\.json is missing"):
        VaultClient(identity="orders").read_kv("redis")
