"""`up` names each store that was made once and is gone, and does not quietly make it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from compose import keeping
from compose.errors import PlainError
from compose.ports import choose_ports
from compose.processes import Server, local_servers
from compose.run_directory import RunDirectory, write_private
from compose.servers.postgres import Postgres
from config.environment import ROOT
from config.waiting import wait_until
from tests.compose.conftest import ALL_PORTS
from tests.servers import open_folder, serving

STORES = ["openbao", "postgres-orders", "provider", "rabbitmq"]


@pytest.fixture
def run() -> Iterator[RunDirectory]:
    with open_folder("keeping") as folder:
        made = RunDirectory(folder / "run")
        made.make()
        yield made


def servers_of(run: RunDirectory) -> list[Server]:
    return local_servers(run, ALL_PORTS, {})


def made_up_stores(run: RunDirectory) -> dict[str, Path]:
    stores = keeping.stores(run, servers_of(run))
    for path in stores.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return stores


def test_a_new_platform_misses_nothing(run: RunDirectory) -> None:
    assert keeping.require_kept(run, servers_of(run), recreate=False)


@pytest.mark.parametrize("name", STORES)
def test_what_was_made_and_is_gone_is_said_by_name(run: RunDirectory, name: str) -> None:
    stores = made_up_stores(run)
    run.update_state(prepared="x", made=list(stores))
    stores[name].unlink()
    with pytest.raises(PlainError, match=name) as said:
        keeping.require_kept(run, servers_of(run), recreate=False)
    assert "--recreate-missing" in str(said.value)
    assert said.value.status == 1


def test_it_may_be_made_anew_when_asked_for(run: RunDirectory) -> None:
    stores = made_up_stores(run)
    run.update_state(prepared="x", made=list(stores))
    stores["postgres-orders"].unlink()
    assert not keeping.require_kept(run, servers_of(run), recreate=True)


def test_a_platform_of_an_earlier_revision_had_everything(run: RunDirectory) -> None:
    stores = made_up_stores(run)
    run.update_state(prepared="x")
    assert keeping.missing(run, servers_of(run)) == {}
    stores["rabbitmq"].unlink()
    assert list(keeping.missing(run, servers_of(run))) == ["rabbitmq"]


def test_books_that_the_provider_has_not_begun_are_not_missed(run: RunDirectory) -> None:
    """As after an `up` that was killed between the preparation and the provider's first run."""
    stores = made_up_stores(run)
    stores["provider"].unlink()
    others = [server for server in servers_of(run) if not isinstance(server, Postgres)]
    keeping.remember(run, others, "digest")
    assert keeping.require_kept(run, servers_of(run), recreate=False)

    stores["provider"].touch()
    keeping.remember_made(run, servers_of(run))
    stores["provider"].unlink()
    assert list(keeping.missing(run, servers_of(run))) == ["provider"]


def test_the_providers_books_are_looked_for_where_it_keeps_them(run: RunDirectory) -> None:
    source = (ROOT / "cluster/payments/sandbox/__main__.py").read_text()
    assert '/ "data" / "provider"' in source
    assert keeping.stores(run, [])["provider"] == run.path / "data/provider/provider.sqlite3"


@pytest.fixture
def server(run: RunDirectory) -> Iterator[Postgres]:
    (port,) = choose_ports(["postgres"], {}, taken=1).values()
    found = Postgres(database="orders", port=port, run=run)
    found.prepare()
    process = found.process()
    log = run.log(found.name)
    with serving(process.command, log=log, folder=process.folder):
        if not wait_until(found.is_ready, within=60, every=0.1):
            raise TimeoutError(log.read_text())
        yield found


def test_a_database_remembers_its_preparation_and_its_platform(server: Postgres) -> None:
    run = server.run
    with server.superuser() as connection:
        connection.execute("CREATE DATABASE orders")
    assert not keeping.is_prepared(run, [server], "digest")
    keeping.remember(run, [server], "digest")
    assert keeping.is_prepared(run, [server], "digest")
    assert not keeping.is_prepared(run, [server], "of newer code")

    write_private(run.secrets / "platform-id", "another")
    with pytest.raises(PlainError, match=r"postgres-orders.*another platform"):
        keeping.is_prepared(run, [server], "digest")


def test_a_database_that_was_dropped_is_said_by_name(server: Postgres) -> None:
    server.run.update_state(made=["postgres-orders"])
    with pytest.raises(PlainError, match="database 'orders' is missing"):
        keeping.is_prepared(server.run, [server], "digest")


def test_a_data_directory_of_another_platform_is_told_at_once(server: Postgres) -> None:
    write_private(server.run.secrets / "postgres-superuser", "of another platform")
    with pytest.raises(PlainError, match="belongs to another platform"):
        server.is_ready()
