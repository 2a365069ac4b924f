"""The running platform that tests share, and the addresses of its parts.

`manage.py test` sets the run directory before anything is imported. The first test that
asks for `platform` starts the whole cluster there, once for the session.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import amqp
import psycopg
import pytest
from django.test.utils import override_settings
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parent.parent
TEST_RUN = Path(os.environ.setdefault("PORTFOLIO_RUN_DIR", str(ROOT / ".run" / "test")))
# Static files are named by their content, so that all platforms and parts can share one folder.
os.environ.setdefault("STATIC_DIRECTORY", str(ROOT / ".run" / "test-static"))

from cluster.messaging.topology import connect  # noqa: E402
from cluster.secrets.addresses import operators_broker_url  # noqa: E402
from cluster.secrets.postgres import Database, DatabaseSession, close_databases  # noqa: E402
from cluster.secrets.provisioning import provision  # noqa: E402
from compose import lock  # noqa: E402
from compose import platform as compose_platform  # noqa: E402
from compose.run_directory import RunDirectory  # noqa: E402
from compose.servers.postgres import binaries  # noqa: E402
from config import environment  # noqa: E402
from tests.cluster.cluster import Cluster  # noqa: E402
from tests.conditions import eventually  # noqa: E402
from tests.databases import superuser_address  # noqa: E402

if TYPE_CHECKING:
    from chaos.faults.engine import Engine
    from cluster.health.armed_faults import ArmedFault

pytest_plugins = ["tests.run_queue", "tests.site_work", "tests.unsteady"]

# No deadline: the time of an example shows only how busy the machine is.
hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")

Broken = Callable[..., "AbstractContextManager[ArmedFault]"]

SHORT_LEASES = {"DATABASE_LEASE_TTL": "8", "DATABASE_LEASE_MAX_TTL": "16"}  # seconds
LOOKING_BACK = "test_shared_platform.py"
LOOKING_BACK_AT_FAULTS = "test_broken_platform.py"
LIFE_OF_A_FAULT = 30.0  # seconds after which the watchdog heals the fault of a test that died
# Why some files do not run at the same time, and their paths.
INTERFERING = (
    ("they write and count articles", "tests/articles/"),
    ("they write and count articles", "tests/browser/test_editor.py"),
    ("they switch faults off, or need them on", "tests/chaos/safety/"),
    ("they switch faults off, or need them on", "tests/portfolio/api/test_experiments.py"),
    ("they switch faults off, or need them on", "tests/portfolio/chaos_pages/"),
    ("they switch faults off, or need them on", "tests/portfolio/test_admin.py"),
    ("they switch faults off, or need them on", "tests/portfolio/test_fault_switch.py"),
    ("they use up the demos that may run at once", "tests/browser/test_demos.py"),
    ("they use up the demos that may run at once", "tests/portfolio/demos/"),
)
MESSAGING_TABLES = (
    "outbox",
    "outbox_stream",
    "inbox",
    "inbox_stream",
    "parked",
    "dead_letter",
    "counter",
    "heartbeat",
    "opening_balance",
    "opening_digest",
    "closed_history",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        choices=["pure", "shared", "alone"],
        help="only tests without a platform, or on a shared one, or on one for themselves",
    )
    parser.addoption(
        "--full", action="store_true", help="the browser matrix and the long campaigns as well"
    )
    parser.addoption(
        "--keep",
        action="store_true",
        help="use the tests' platform if it runs, start it if not, and leave it running",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Delete the run directory of a platform that no longer runs.

    Processes wait for their Vault without a limit, and so would a test that needs none.
    """
    is_first = not hasattr(config, "workerinput")
    if is_first and lock.holder(RunDirectory(TEST_RUN).lock_file) is None:
        shutil.rmtree(TEST_RUN, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that this run leaves out, and sort the others.

    Tests that share the platform come first, then the test that verifies it after them, the tests
    that need it for themselves, the faults, the test that verifies it after those, the sabotage.
    """
    part, full = config.getoption("--part"), config.getoption("--full")
    Cluster.verdict_comes_later = bool(part) and not full

    def is_wanted(item: pytest.Item) -> bool:
        in_time = full or item.get_closest_marker("full") is None
        return in_time and (part is None or part_of(item) == part)

    wanted = [item for item in items if is_wanted(item)]
    config.hook.pytest_deselected(items=[item for item in items if not is_wanted(item)])
    items[:] = sorted(wanted, key=_turn)


def part_of(item: pytest.Item) -> str:
    """Return "pure" for a test without a platform, "alone" for one that shares it with none."""
    if "platform" not in getattr(item, "fixturenames", ()) and not any(
        item.get_closest_marker(name) for name in ("platform", "alone", "fault", "sabotage")
    ):
        return "pure"
    return "alone" if _is_alone(item) else "shared"


def _is_alone(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("alone") is not None
    return marked or _breaks(item) or item.path.name == LOOKING_BACK


def _breaks(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) is not None for name in ("fault", "sabotage"))


def _turn(item: pytest.Item) -> tuple[bool, ...]:
    sabotages = item.get_closest_marker("sabotage") is not None
    name = item.path.name
    return (
        sabotages,
        name == LOOKING_BACK_AT_FAULTS,
        _breaks(item),
        _is_alone(item),
        name != LOOKING_BACK,
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return InterferingFilesTogether(config, log)


class InterferingFilesTogether(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a file to one process, and files whose tests would disturb each other to the same."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for name, start in INTERFERING if file.startswith(start)), file)


@pytest.fixture(scope="session")
def in_full(request: pytest.FixtureRequest) -> bool:
    """Return whether this run is `--full`, so that a campaign may take long."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(autouse=True)
def credentials_that_change(request: pytest.FixtureRequest) -> None:
    """Let tests that break the platform run while passwords rotate many times a minute."""
    if _breaks(request.node):
        request.getfixturevalue("short_leases")


@pytest.fixture(scope="session")
def short_leases(platform: None) -> None:
    """Let database passwords live for the seconds of SHORT_LEASES, until this platform stops."""
    with pytest.MonkeyPatch.context() as surroundings:
        for name, seconds in SHORT_LEASES.items():
            surroundings.setenv(name, seconds)
        provision(lambda _: None)


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[None]:
    """Start the whole platform, and stop it at the end of the session unless `--keep` is given."""
    kept = request.config.getoption("--keep")
    if not (kept and _runs()):
        compose_platform.stop(TEST_RUN)
        shutil.rmtree(TEST_RUN, ignore_errors=True)  # such as violations that a sabotage has left
        compose_platform.start(TEST_RUN)
        _lead_django_to_the_databases()
    yield
    close_databases()
    if not kept:
        compose_platform.stop(TEST_RUN)


def _runs() -> bool:
    """Return whether the tests' platform runs and is ready."""
    run = RunDirectory(TEST_RUN)
    return lock.holder(run.lock_file) is not None and compose_platform.web_answers(
        run.read_state()["web_port"], "/readyz"
    )


def _lead_django_to_the_databases() -> None:
    """Give Django the addresses of the databases.

    It has read its settings at collection, before the platform ran and had addresses.
    """
    from django.db import connections

    from portfolio import settings as declared

    found = {
        alias: declared._database("site" if alias == "default" else alias)
        for alias in declared.DATABASES
    }
    declared.DATABASES.update(found)
    connections.__dict__["settings"] = connections.configure_settings(found)
    for alias in found:
        with suppress(AttributeError):
            del connections[alias]


@pytest.fixture
def signing_key() -> Iterator[None]:
    """Sign and hash with a key of the tests, since the platform's key is in Vault."""
    with override_settings(SECRET_KEY="a key of the tests"):
        yield


@pytest.fixture(scope="session")
def platform_url(platform: None) -> str:
    """The address of the served site, without a slash at the end."""
    return f"http://127.0.0.1:{environment.web_port()}"


@pytest.fixture(scope="session")
def broker_url(platform: None) -> str:
    """The URL of the running platform's broker, as the operator, who may do everything there."""
    return operators_broker_url()


@pytest.fixture(scope="session")
def scratch_database(platform: None) -> Database:
    """A database of this process's own, with the messaging tables, that no service uses."""
    site, catalog = superuser_address("site"), superuser_address("catalog")
    name = f"scratch_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with psycopg.connect(f"{site}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    dump = [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges"]
    tables = [f"--table={name}" for name in MESSAGING_TABLES]
    schema = subprocess.run(
        [*dump, *tables, f"{catalog}/catalog"], capture_output=True, text=True, check=True
    ).stdout
    statements = "\n".join(line for line in schema.splitlines() if not line.startswith("\\"))
    with psycopg.connect(f"{site}/{name}") as connection:
        connection.execute(statements.encode())
    os.environ["SCRATCH_DATABASE_URL"] = f"{site}/{name}"
    return Database("scratch")


@pytest.fixture
def scratch(scratch_database: Database) -> Iterator[DatabaseSession]:
    """A session on the scratch database, whose messaging tables are empty."""
    session = DatabaseSession(scratch_database)
    with session.transaction() as connection:
        connection.execute(f"TRUNCATE {', '.join(MESSAGING_TABLES)}".encode())
    yield session
    session.close()


@pytest.fixture
def channel(broker_url: str) -> Iterator[amqp.Channel]:
    """A channel to the running broker, as the operator."""
    connection = connect(broker_url, heartbeat=0)
    yield connection.channel()
    connection.close()


@pytest.fixture(scope="module")
def cluster(platform: None) -> Cluster:
    """The running cluster, once its first products are for sale.

    Each module has its own, since tests of the secrets close the databases of this process.
    """
    running = Cluster()
    eventually(lambda: running.rows("site", "SELECT 1 FROM product WHERE restocked"))
    return running


@pytest.fixture
def real_engine(platform: None) -> Engine:
    """The engine that visitors' faults go through."""
    from chaos.faults.engine import Engine

    return Engine()


@pytest.fixture
def broken(real_engine: Engine) -> Broken:
    """A context manager that injects a fault, and heals it at the end of the block."""

    @contextmanager
    def block(
        fault: str, target: str, *, life: float = LIFE_OF_A_FAULT, **parameters: Any
    ) -> Iterator[ArmedFault]:
        armed, _ = real_engine.inject(
            fault=fault,
            target=target,
            seconds=life,
            actor="a test",
            parameters=parameters,
        )
        try:
            yield armed
        finally:
            real_engine.heal(armed, patience=20)

    return block
