"""Containers and pods get every variable that the code reads, and no secret is in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from compose.servers.postgres import address_name
from config.environment import DATABASES
from tests.compose.deployments import (
    CHAOS,
    CONTAINERS,
    KUBERNETES,
    asked_for,
    environments,
    needed,
    of_kind,
    read,
    values,
)

FILES = sorted(path for folder in (CONTAINERS, KUBERNETES, CHAOS) for path in folder.rglob("*.*"))
# Read by the web process when it may listen beyond its own machine; see the last test.
WANTED = {"PORTFOLIO_INTERFACE"}
SECRET_WORDS = re.compile(r"PASS(WORD)?|SECRET|TOKEN|_KEY$", re.IGNORECASE)


def test_every_variable_that_has_no_default_is_set() -> None:
    assert {"DATABASE_URL", "VAULT_ADDR", "BROKER_URL", "PROVIDER_URL"} <= needed()
    for name, environment in environments().items():
        assert needed() <= environment.keys(), name


def test_every_variable_that_is_set_is_one_that_the_code_reads() -> None:
    for name, environment in environments().items():
        assert environment.keys() <= asked_for().keys() | WANTED, name


def test_addresses_name_their_database_and_leave_the_login_to_vault() -> None:
    for name, environment in environments().items():
        for database in DATABASES:
            address = conninfo_to_dict(environment[address_name(database)])
            assert (address["dbname"], "user" in address) == (database, False), name
        for variable in ("BROKER_URL", "REDIS_URL"):
            assert "@" not in environment[variable], name
        assert environment["BROKER_URL"].startswith("pyamqp://"), name


def test_no_secret_is_in_a_file() -> None:
    assert not of_kind("Secret")
    documents = [part for path in FILES if path.suffix == ".yaml" for part in read(path)]
    for path, value in (found for document in documents for found in values(document)):
        name = path.rpartition(".")[2]
        if SECRET_WORDS.search(name) and name.isupper():
            assert str(value).startswith("/run/secrets/"), path
        assert not re.search(r"://[^/\s@{]+:[^/\s@{]+@", str(value)), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_says_that_it_was_never_run(path: Path) -> None:
    if path.name != "Dockerfile.dockerignore":
        assert "0009-roads-to-more-machines" in path.read_text()


def test_the_site_can_be_reached_from_outside_its_container() -> None:
    assert asked_for().keys() >= WANTED
