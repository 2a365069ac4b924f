"""The bench `dual-write`: kill a writer repeatedly, and count where rows and messages differ.

A writer stores orders and announces each: by publishing after the commit, by publishing
before it, or with an outbox. It is SIGKILLed at random moments and started again. With
the outbox, the relay is killed as often. In the end the bench looks for every row among
the messages, and for every message among the rows. Publisher, outbox and relay are the
platform's own.

The bench also measures the cost of the outbox for a transaction, and the delay from
commit to confirm.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import psycopg

from chaos.benchmarks import dual_writer
from chaos.benchmarks.document import Figures, Result, percentile
from chaos.benchmarks.scratch import address, broker_version, databases, queues
from cluster.messaging.envelope import new_message_id
from cluster.secrets.addresses import operators_broker_url
from compose.errors import PlainError
from compose.servers.postgres import binaries
from config.environment import ROOT
from config.waiting import wait_until

Connection: TypeAlias = psycopg.Connection[Any]

NAME: Final = "dual-write"
KILLS: Final = 40  # of the writer, in each flow and run
RUNS: Final = 3
SERVER: Final = "catalog"  # the server of the bench's database
QUEUE: Final = "bench.dual-write"
# Seconds of life after the first order: time for many orders, so the kill hits any moment.
SHORTEST, LONGEST = 0.02, 0.2
RELAY_DIES_TOO: Final = 0.5  # of the kills
DRAINED_WITHIN: Final = 30.0  # seconds
TRANSACTIONS: Final = 1_000  # for the cost of one outbox row
SAMPLES: Final = 200  # messages followed from their commit to the broker's confirm
RATIOS: Final = {
    "outbox_vs_bare_commits": ("cost.with_outbox_per_second", "cost.bare_commits_per_second")
}
MESSAGING_TABLES: Final = ("outbox", "outbox_stream")

ORDERS: Final = "CREATE TABLE bench_order (id uuid PRIMARY KEY, sku text NOT NULL)"
WAITING: Final = "SELECT count(*) FROM outbox"


def measure(*, count: int, runs: int, say: Callable[[str], None]) -> Result:
    """Run the bench, with `count` kills of the writer in each flow, or raise PlainError."""
    with databases() as postgresql, psycopg.connect(**address(SERVER), autocommit=True) as database:
        _make_tables(database)
        found = [_run(database, count, f"run {n} of {runs}", say) for n in range(1, runs + 1)]
        versions = {"postgresql": postgresql, "rabbitmq": broker_version()}
    return Result.of(NAME, found, versions=versions, ratios=RATIOS)


def _run(
    database: Connection, kills: int, which: str, say: Callable[[str], None]
) -> dict[str, Any]:
    figures: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    for flow in dual_writer.FLOWS:
        say(f"{which}: {kills} kills, {flow.replace('_', ' ')}")
        figures[flow] = _flow(database, flow, kills)
    say(f"{which}: what an outbox row costs")
    figures["cost"] = _cost(database)
    say(f"{which}: from commit to confirm")
    figures["relay"] = _latency(database)
    return figures


def _flow(database: Connection, flow: str, kills: int) -> Figures:
    """Kill and restart the writer, then compare rows and messages."""
    database.execute("TRUNCATE bench_order, outbox, outbox_stream")
    with queues([QUEUE]) as broker:
        relay: subprocess.Popen[str] | None = None
        killed_relays = 0
        for _ in range(kills):
            writer = _start([sys.executable, "-m", "chaos.benchmarks.dual_writer", flow, QUEUE])
            if flow == "outbox" and relay is None:
                relay = _start_relay()
            _await_first_order(writer)
            time.sleep(random.uniform(SHORTEST, LONGEST))  # noqa: S311 - decides no secret
            _kill(writer)
            if relay is not None and random.random() < RELAY_DIES_TOO:  # noqa: S311 - nor does this
                _kill(relay)
                relay, killed_relays = None, killed_relays + 1
        if flow == "outbox":
            relay = relay or _start_relay()
            _await_empty_outbox(database)
            _kill(relay)
        told = Counter(_messages(broker))
    stored = {str(row[0]) for row in database.execute("SELECT id FROM bench_order")}
    return {
        "kills": kills,
        "relay_kills": killed_relays,
        "orders": len(stored),
        "never_announced": len(stored - told.keys()),
        "announced_but_never_stored": len(told.keys() - stored),
        "announced_twice": sum(times > 1 for times in told.values()),
    }


def _messages(broker: Any) -> Iterator[str]:
    """Empty the queue, and yield the id of the order in each message."""
    channel = broker.channel()
    while message := channel.basic_get(QUEUE, no_ack=True):
        yield json.loads(message.body)["subject"].rpartition("/")[2]


def _cost(database: Connection) -> Figures:
    """Measure one writer's transactions per second, without and with an outbox row."""
    bare = _rate(database, dual_writer.store)
    announced = _rate(database, dual_writer.store_with_outbox)
    database.execute("TRUNCATE bench_order, outbox, outbox_stream")
    return {"bare_commits_per_second": bare, "with_outbox_per_second": announced}


def _rate(database: Connection, write: Callable[[Connection, Any], None]) -> float:
    started = time.perf_counter()
    for _ in range(TRANSACTIONS):
        with database.transaction():
            write(database, new_message_id())
    return round(TRANSACTIONS / (time.perf_counter() - started), 1)


def _latency(database: Connection) -> Figures:
    """Measure the time from an order's commit until its row leaves the outbox, confirmed."""
    with queues([QUEUE]):
        relay = _start_relay()
        try:
            _wait_of_one(database)  # until the relay has connected
            waits = [_wait_of_one(database) for _ in range(SAMPLES)]
        finally:
            _kill(relay)
    database.execute("TRUNCATE bench_order, outbox, outbox_stream")
    return {
        "commit_to_confirm_p50_ms": round(1000 * percentile(waits, 50), 2),
        "commit_to_confirm_p99_ms": round(1000 * percentile(waits, 99), 2),
    }


def _wait_of_one(database: Connection) -> float:
    with database.transaction():
        dual_writer.store_with_outbox(database, new_message_id())
        database.execute("UPDATE outbox SET destination = %s", (QUEUE,))
    committed = time.perf_counter()
    _await_empty_outbox(database)
    return time.perf_counter() - committed


def _await_empty_outbox(database: Connection) -> None:
    wait_until(
        lambda: database.execute(WAITING).fetchone() == (0,),
        within=DRAINED_WITHIN,
        every=0.0,  # its end is measured
        failure=PlainError("The relay of the bench did not drain its outbox."),
    )


def _make_tables(database: Connection) -> None:
    """Make the outbox's tables, as the migrations made them for catalog, and one for orders."""
    dump = subprocess.run(
        [
            str(binaries() / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            *(f"--table={name}" for name in MESSAGING_TABLES),
            _url(SERVER, name="catalog"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Newer versions of pg_dump frame their script with commands for psql.
    statements = "\n".join(line for line in dump.splitlines() if not line.startswith("\\"))
    with psycopg.connect(**address(SERVER)) as connection:  # the script empties its search path
        connection.execute(statements.encode())
    database.execute(ORDERS)


def _url(server: str, *, name: str) -> str:
    """Return the address of a database on one of the platform's servers, as superuser."""
    parts = address(server, name=name)
    password = quote(str(parts["password"]), safe="")
    return f"postgresql://postgres:{password}@{parts['host']}:{parts['port']}/{name}"


def _start_relay() -> subprocess.Popen[str]:
    return _start([sys.executable, "-m", "cluster.relay", "bench"])


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        # With these variables the platform's own code finds the bench's database, and the relay
        # speaks to the broker as the operator, since it has no account of its own.
        env={
            **os.environ,
            "BENCH_DATABASE_URL": _url(SERVER, name="bench"),
            "BROKER_URL": operators_broker_url(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _await_first_order(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    if writer.stdout.readline().strip() != "writing":
        raise PlainError("The writer of the bench ended before it wrote anything.")


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
