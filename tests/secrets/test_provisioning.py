"""Provisioning sets up Vault and the databases once, and a second run changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from functools import partial

import pytest
from psycopg.conninfo import conninfo_to_dict

from cluster.secrets.addresses import (
    broker_url_as,
    operators_broker_url,
    redis_url_with_credentials,
)
from cluster.secrets.broker_accounts import IDENTITY_OF, OPERATOR, secret_of
from cluster.secrets.postgres import Database
from cluster.secrets.provisioning import ProvisioningError, provision
from cluster.secrets.provisioning_postgres import superuser_connection
from cluster.secrets.vault import SecretNotFound, SecretsDenied, VaultClient
from compose.unsealer import renew_secret_ids
from config import environment
from tests.conditions import eventually
from tests.secrets.conftest import DATABASES, Servers, value


def test_a_second_run_changes_nothing(servers: Servers) -> None:
    secret = VaultClient(identity="provider").read_kv("provider")
    files = {path: path.read_text() for path in environment.approle_file("x").parent.iterdir()}
    provision(lambda step: None, databases=DATABASES)
    assert VaultClient(identity="provider").read_kv("provider") == secret
    assert {path: path.read_text() for path in files} == files
    with contextlib.closing(Database("orders")) as database:
        assert value(database, "SELECT 1") == 1


def test_secret_ids_are_in_files_that_only_their_owner_reads(servers: Servers) -> None:
    for identity in ("site", "orders", "payments", "provider", "auditor", "operator"):
        file = environment.approle_file(identity)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert sorted(json.loads(file.read_text())) == ["role_id", "secret_id"]


def test_a_lost_secret_id_is_replaced(servers: Servers) -> None:
    file = environment.approle_file("checkout")
    file.write_text(json.dumps({"role_id": "unknown", "secret_id": "unknown"}))
    with pytest.raises(SecretsDenied):
        VaultClient(identity="checkout").read_kv("redis")
    provision(lambda step: None, databases=())
    assert VaultClient(identity="checkout").read_kv("redis")["password"] == "redis/password"


def test_a_secret_id_expires_and_is_renewed_before(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ID_TTL", "2")
    file, keys = environment.approle_file("checkout"), servers.folder / "secrets" / "openbao.json"
    eternal = file.read_text()
    provision(lambda step: None, databases=())
    try:
        written = file.read_text()
        assert written != eternal
        VaultClient(identity="checkout").read_kv("redis")
        file.write_text(eternal)
        with pytest.raises(SecretsDenied):  # that of the earlier revision is gone
            VaultClient(identity="checkout").read_kv("redis")
        file.write_text(written)
        renew = partial(
            renew_secret_ids, address=environment.vault_address(), keys=keys, folder=file.parent
        )
        renew(age=3600)
        assert file.read_text() == written
        eventually(lambda: not _logs_in("checkout"), within=10)
        for name, text in (("broken", "[]"), ("unknown", '{"role_id": "1"}')):
            (file.parent / f"{name}.json").write_text(text)
        for path in file.parent.glob("*.json"):
            os.utime(path, (0, 0))  # a long time ago
        renew(age=1)
        assert file.read_text() != written
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert _logs_in("checkout")
    finally:
        for name in ("broken", "unknown"):
            (file.parent / f"{name}.json").unlink(missing_ok=True)
        monkeypatch.setenv("SECRET_ID_TTL", "0")
        provision(lambda step: None, databases=())


def _logs_in(identity: str) -> bool:
    try:
        VaultClient(identity=identity).read_kv("redis")
    except SecretsDenied:
        return False
    return True


def test_a_lost_database_server_is_set_up_again(servers: Servers) -> None:
    with superuser_connection("payments") as connection:
        connection.execute("DROP DATABASE payments WITH (FORCE)")
        connection.execute("REASSIGN OWNED BY vault_admin TO postgres")
        connection.execute("DROP OWNED BY vault_admin")
        connection.execute("DROP ROLE vault_admin")
    provision(lambda step: None, databases=DATABASES)
    with contextlib.closing(Database("payments", identity="payments")) as payments:
        assert value(payments, "SELECT current_database()") == "payments"


def test_a_missing_password_file_is_named(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(ProvisioningError, match=r"openbao\.json"):
        provision(lambda step: None)


def test_broker_and_redis_addresses_carry_what_vault_keeps(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_URL", "pyamqp://127.0.0.1:5/cluster")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6/0")
    password = "broker%27s%20%26%20password"
    shared = f"pyamqp://cluster:{password}@127.0.0.1:5/cluster"
    assert (broker_url_as("worker-orders"), operators_broker_url()) == (shared, shared)
    assert redis_url_with_credentials() == "redis://:redis%2Fpassword@127.0.0.1:6/0"


def test_each_account_gets_a_password_where_the_broker_has_a_user_for_each(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> dict[str, dict[str, str]]:
        return {account: servers.root().read_kv(secret_of(account)) for account in IDENTITY_OF}

    operator = servers.root().read_kv(secret_of(OPERATOR))
    assert list(stored().values()) == [operator] * len(IDENTITY_OF), "the one user that is there"
    monkeypatch.setenv("BROKER_USERS", "own")
    provision(lambda step: None, databases=())
    own = stored()
    assert {account: found["username"] for account, found in own.items()} == {
        account: account for account in IDENTITY_OF
    }
    assert len({found["password"] for found in own.values()}) == len(IDENTITY_OF)
    provision(lambda step: None, databases=())
    assert stored() == own
    monkeypatch.delenv("BROKER_USERS")
    provision(lambda step: None, databases=())
    assert list(stored().values()) == [operator] * len(IDENTITY_OF)


def test_the_account_that_all_processes_shared_is_gone_from_vault(servers: Servers) -> None:
    servers.root().write("kv/data/broker", {"data": {"username": "cluster", "password": "old"}})
    provision(lambda step: None, databases=())
    with pytest.raises(SecretNotFound):
        servers.root().read_kv("broker")


def test_addresses_with_their_own_credentials_need_no_vault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")  # no server listens there
    monkeypatch.setenv("BROKER_URL", "pyamqp://me:mine@broker/cluster")
    monkeypatch.setenv("REDIS_URL", "redis://:mine@redis/0")
    assert broker_url_as("worker-orders") == "pyamqp://me:mine@broker/cluster"
    assert operators_broker_url() == "pyamqp://me:mine@broker/cluster"
    assert redis_url_with_credentials() == "redis://:mine@redis/0"


def test_a_database_address_with_its_own_credentials_needs_no_vault(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = conninfo_to_dict(environment.database_url("orders"))["port"]
    monkeypatch.setenv(
        "ORDERS_DATABASE_URL", f"postgresql://postgres:made-up@127.0.0.1:{port}/orders"
    )
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    with contextlib.closing(Database("orders")) as database:
        assert value(database, "SELECT current_user") == "postgres"
        assert database.current().generation == 0
