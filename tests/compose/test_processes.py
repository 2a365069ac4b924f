"""The table of processes, and the variables of the environment that change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose import outside
from compose.process import Backoff
from compose.processes import addresses, local_servers, needed_packages, services
from compose.run_directory import RunDirectory
from compose.servers.rabbitmq import RabbitMQ, password_hash
from tests.compose.conftest import ALL_PORTS

RUN = RunDirectory(Path("/nowhere"))
SERVERS = [
    "epmd",
    "rabbitmq",
    "postgres-site",
    "postgres-identity",
    "postgres-catalog",
    "postgres-orders",
    "postgres-payments",
    "postgres-checkout",
    "redis",
    "openbao",
    "unsealer",
]


def names(surroundings: dict[str, str]) -> list[str]:
    return [server.name for server in local_servers(RUN, ALL_PORTS, surroundings)]


def test_every_server_is_local_by_default() -> None:
    assert names({}) == SERVERS


@pytest.mark.parametrize(
    ("variable", "absent"),
    [
        ("BROKER_URL", {"epmd", "rabbitmq"}),
        ("DATABASE_URL", {"postgres-site"}),
        ("ORDERS_DATABASE_URL", {"postgres-orders"}),
        ("REDIS_URL", {"redis"}),
        ("VAULT_ADDR", {"openbao", "unsealer"}),
    ],
)
def test_an_address_in_the_environment_replaces_a_local_server(
    variable: str, absent: set[str]
) -> None:
    assert names({variable: "elsewhere"}) == [name for name in SERVERS if name not in absent]


def test_an_empty_variable_names_nothing() -> None:
    assert names({"REDIS_URL": ""}) == SERVERS


def test_addresses_say_where_everything_is() -> None:
    surroundings = {"REDIS_URL": "redis://cache.example/0"}
    servers = local_servers(RUN, ALL_PORTS, surroundings)
    found = addresses(servers, ALL_PORTS, surroundings, web_port=8000)
    assert found["REDIS_URL"] == "redis://cache.example/0"
    assert (
        found["ORDERS_DATABASE_URL"]
        == f"postgresql://127.0.0.1:{ALL_PORTS['postgres-orders']}/orders"
    )
    assert found["BROKER_URL"].startswith("pyamqp://127.0.0.1:")
    assert found["PORTFOLIO_PORT"] == "8000"


def test_the_brokers_administrator_is_for_the_set_up_alone() -> None:
    surroundings = {
        "BROKER_URL": "pyamqp://elsewhere/cluster",
        "BROKER_ADMIN_URL": "http://me:mine@x",
    }
    assert set(outside.for_processes(surroundings)) == {"BROKER_URL"}
    servers = local_servers(RUN, ALL_PORTS, surroundings)
    recorded = addresses(servers, ALL_PORTS, surroundings, web_port=8000)
    assert not {"BROKER_ADMIN_URL", "BROKER_USERS"} & set(recorded)
    local = addresses(local_servers(RUN, ALL_PORTS, {}), ALL_PORTS, {}, web_port=8000)
    assert local["BROKER_USERS"] == "own"


def test_packages_are_needed_only_for_local_servers() -> None:
    assert needed_packages({}) == ["rabbitmq-server", "redis-server", "postgresql"]
    assert needed_packages({"BROKER_URL": "x", "REDIS_URL": "x"}) == ["postgresql"]


def test_every_process_has_a_name_and_an_identity_of_vault() -> None:
    found = {process.name: process.environment["VAULT_IDENTITY"] for process in services()}
    assert found["worker-orders"] == "orders"
    assert found["payments-gateway"] == "payments"
    assert found["web"] == "web"
    assert found["observer"] == "observer"
    assert found["watchdog"] == "watchdog"
    assert found["chaos-runner"] == "runner"
    assert len(found) == 20


def test_everything_can_stop_within_ten_seconds() -> None:
    phases: dict[int, float] = {}
    for process in services():
        phases[process.stop_phase] = max(phases.get(process.stop_phase, 0), process.patience)
    assert sum(phases.values()) + 4.0 < 10  # the databases get the other four seconds


def test_the_broker_keeps_to_itself() -> None:
    broker = RabbitMQ(port=1, distribution_port=2, epmd_port=3, run=RUN)
    environment = broker.environment()
    assert environment["ERL_EPMD_ADDRESS"] == "127.0.0.1"
    assert environment["RABBITMQ_CONF_ENV_FILE"] == "/dev/null"
    assert environment["RUNNING_UNDER_SYSTEMD"] == "true"


def test_a_broker_password_is_hashed_as_rabbitmq_does() -> None:
    # The example of RabbitMQ's guide to passwords.
    expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert password_hash("test12", salt=bytes.fromhex("908DC60A")) == expected


def test_delays_double_up_to_five_seconds() -> None:
    backoff = Backoff()
    delays = [backoff.delay_after(0.1) for _ in range(8)]
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_a_long_life_is_answered_at_once() -> None:
    backoff = Backoff()
    backoff.delay_after(0.1)
    assert backoff.delay_after(60) == 0
    assert backoff.delay_after(0.1) == pytest.approx(0.1)
