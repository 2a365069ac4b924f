"""A driver for faults of messages and links, on the platform of the test session."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg

from chaos.drivers.driver import Driver
from chaos.faults.fault import Fault
from cluster.health.armed_faults import ArmedFault, new_armed_fault
from compose import system_packages
from compose.run_directory import RunDirectory
from compose.servers.rabbitmq import RabbitMQ
from config import environment
from tests.conftest import superuser_address


class Superuser:
    """A driver that uses the servers' own controls with an administrator's rights."""

    name = "tests"

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        address = f"{superuser_address(database)}/{within}"
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def broker(self, *arguments: str) -> str:
        script = system_packages.rabbitmq_server()
        assert script is not None, "no RabbitMQ is on this machine"
        run = RunDirectory(environment.run_directory())
        ports = run.read_state()["ports"]
        server = RabbitMQ(
            port=ports["rabbitmq"],
            distribution_port=ports["rabbitmq-distribution"],
            epmd_port=ports["epmd"],
            run=run,
        )
        done = subprocess.run(
            [str(script.with_name("rabbitmqctl")), *arguments],
            env={**os.environ, **server.environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@contextmanager
def broken(
    fault: Fault, target: str, *, seconds: float = 60.0, heal: bool = True, **parameters: Any
) -> Iterator[ArmedFault]:
    """Inject a fault, and heal it at the end of the block unless `heal` is false."""
    driver = cast(Driver, Superuser())
    armed = new_armed_fault(
        fault=fault.name, target=target, seconds=seconds, actor="a test", parameters=parameters
    )
    fault.inject(driver, armed)
    try:
        yield armed
    finally:
        if heal:
            fault.heal(driver, armed)
