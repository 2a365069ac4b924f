"""The bench `commit`: a transfer between two databases, by two-phase commit and by saga steps.

Both flows take a unit from a row of one server and add it to a row of another, over and
over, by several clients on a few rows. The two-phase flow prepares on both servers,
writes its decision down on a third, and commits the prepared transactions (Gray, "Notes
on Data Base Operating Systems", 1978; presumed abort). The saga flow commits each side
alone, with an outbox row on the first and an inbox row on the second; the message's way
between them is left out, since the bench compares which locks a database must hold, and
for how long.

Then the bench kills a coordinator at its worst moment, while another client wants the
same row.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, TypeAlias
from uuid import uuid4

import psycopg

from chaos.benchmarks.document import Figures, Result, percentile
from chaos.benchmarks.scratch import address, databases
from compose.errors import PlainError
from config.environment import ROOT

Connection: TypeAlias = psycopg.AsyncConnection[Any]
Flow: TypeAlias = Callable[["Client", int], Awaitable[float]]

NAME: Final = "commit"
COUNT: Final = 1_000  # transfers in each run and flow
RUNS: Final = 3
CLIENTS: Final = 8
ROWS: Final = 20  # few enough that clients wait for each other
OUTAGE: Final = 2.0  # seconds from the kill of the coordinator until the recovery
GIVER, TAKER, COORDINATOR = "catalog", "payments", "site"

TABLES: Final = """
    CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL);
    CREATE TABLE decision (id text PRIMARY KEY, committed boolean NOT NULL);
    CREATE TABLE outbox (id uuid PRIMARY KEY, body text NOT NULL);
    CREATE TABLE inbox (message_id uuid PRIMARY KEY);
    INSERT INTO account SELECT n, 1000000 FROM generate_series(0, 99) AS n
"""
GIVE: Final = "UPDATE account SET balance = balance - 1 WHERE id = %s"
TAKE: Final = "UPDATE account SET balance = balance + 1 WHERE id = %s"
DECIDE: Final = "INSERT INTO decision VALUES (%s, true)"
ANNOUNCE: Final = "INSERT INTO outbox VALUES (%s, 'one unit')"
RECORD: Final = "INSERT INTO inbox VALUES (%s)"
RATIOS: Final = {
    "saga_vs_two_phase_transfers": (
        "saga_steps.transfers_per_second",
        "two_phase.transfers_per_second",
    ),
    "two_phase_vs_saga_row_locked_p50": (
        "two_phase.row_locked_p50_ms",
        "saga_steps.row_locked_p50_ms",
    ),
}
IN_DOUBT: Final = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"


class Client:
    """One client with a connection to each server, in autocommit: every statement is sent as is."""

    def __init__(self, giver: Connection, taker: Connection, coordinator: Connection) -> None:
        self.giver, self.taker, self.coordinator = giver, taker, coordinator

    @classmethod
    async def open(cls, stack: AsyncExitStack) -> Client:
        return cls(
            *[
                await stack.enter_async_context(
                    await psycopg.AsyncConnection.connect(**address(name), autocommit=True)
                )
                for name in (GIVER, TAKER, COORDINATOR)
            ]
        )


async def two_phase(client: Client, row: int) -> float:
    """Make one transfer by two-phase commit, and return the seconds that its rows were locked."""
    name = uuid4().hex
    await _both(client, "BEGIN")
    locked = time.perf_counter()
    await asyncio.gather(client.giver.execute(GIVE, (row,)), client.taker.execute(TAKE, (row,)))
    await _both(client, f"PREPARE TRANSACTION '{name}'")
    await client.coordinator.execute(DECIDE, (name,))
    await _both(client, f"COMMIT PREPARED '{name}'")
    return time.perf_counter() - locked


async def saga_steps(client: Client, row: int) -> float:
    """Make a transfer as two local transactions, and return the seconds of the first row's lock."""
    message = uuid4()
    await client.giver.execute("BEGIN")
    locked = time.perf_counter()
    await client.giver.execute(GIVE, (row,))
    await client.giver.execute(ANNOUNCE, (message,))
    await client.giver.execute("COMMIT")
    held = time.perf_counter() - locked
    await client.taker.execute("BEGIN")
    await client.taker.execute(RECORD, (message,))
    await client.taker.execute(TAKE, (row,))
    await client.taker.execute("COMMIT")
    return held


async def _both(client: Client, statement: str) -> None:
    """Run a statement on both participants at once, as a coordinator would."""
    await asyncio.gather(
        client.giver.execute(statement.encode()), client.taker.execute(statement.encode())
    )


async def measure_flow(flow: Flow, count: int) -> Figures:
    """Make `count` transfers by all clients together, and return the figures."""
    async with AsyncExitStack() as stack:
        clients = [await Client.open(stack) for _ in range(CLIENTS)]
        transfers = iter(range(count))
        latencies: list[float] = []
        held: list[float] = []

        async def work(client: Client) -> None:
            for number in transfers:
                started = time.perf_counter()
                held.append(await flow(client, number % ROWS))
                latencies.append(time.perf_counter() - started)

        started = time.perf_counter()
        await asyncio.gather(*(work(client) for client in clients))
        seconds = time.perf_counter() - started
    return {
        "transfers_per_second": round(count / seconds, 1),
        "p50_ms": round(1000 * percentile(latencies, 50), 2),
        "p99_ms": round(1000 * percentile(latencies, 99), 2),
        "row_locked_p50_ms": round(1000 * percentile(held, 50), 2),
        "row_locked_p99_ms": round(1000 * percentile(held, 99), 2),
    }


async def measure_crash(flow: str) -> Figures:
    """Kill the coordinator between its phases, and measure the wait of the row's next writer."""
    async with AsyncExitStack() as stack:
        client = await Client.open(stack)
        killed = await asyncio.to_thread(_kill_coordinator, flow)
        waiting = asyncio.create_task(_wait_for_row(client.giver))
        await asyncio.sleep(max(0.0, OUTAGE - (time.perf_counter() - killed)))
        waited_before_recovery = waiting.done()
        helper = await Client.open(stack)
        in_doubt = await _recover(helper)
        waited = await waiting
    return {
        "outage_s": OUTAGE,
        "in_doubt": in_doubt,
        "served_during_outage": int(waited_before_recovery),
        "next_writer_waited_ms": round(1000 * waited, 1),
    }


async def _wait_for_row(giver: Connection) -> float:
    started = time.perf_counter()
    await giver.execute(GIVE, (0,))
    return time.perf_counter() - started


async def _recover(client: Client) -> int:
    """Roll back all prepared transactions, and return their number.

    This is the rule of presumed abort: no decision was written down, so none was taken.
    """
    found = 0
    for participant in (client.giver, client.taker):
        rows = await (await participant.execute(IN_DOUBT)).fetchall()
        for (name,) in rows:
            found += 1
            await participant.execute(f"ROLLBACK PREPARED '{name}'".encode())
    return found


def _kill_coordinator(flow: str) -> float:
    """Run a coordinator up to its worst moment, kill it, and return the moment of the kill."""
    child = subprocess.Popen(
        [sys.executable, "-m", "chaos.benchmarks.commit_coordinator", flow],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    said = child.stdout.readline().strip()
    os.kill(child.pid, signal.SIGKILL)
    killed = time.perf_counter()
    child.wait()
    child.stdout.close()
    if said != "between":
        raise PlainError("The coordinator of the bench ended before its worst moment.")
    return killed


def measure(*, count: int, runs: int, say: Callable[[str], None]) -> Result:
    """Run the bench.

    Raises PlainError when the platform does not run, or allows no PREPARE.
    """
    with databases() as postgresql:
        for name in (GIVER, TAKER, COORDINATOR):
            with psycopg.connect(**address(name), autocommit=True) as connection:
                connection.execute(TABLES)
                _require_prepare(connection)
        found = [asyncio.run(_run(count, number, runs, say)) for number in range(1, runs + 1)]
    return Result.of(NAME, found, versions={"postgresql": postgresql}, ratios=RATIOS)


async def _run(count: int, number: int, runs: int, say: Callable[[str], None]) -> dict[str, Any]:
    figures: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    flows: tuple[tuple[str, Flow], ...] = (("two_phase", two_phase), ("saga_steps", saga_steps))
    for name, flow in flows:
        say(f"run {number} of {runs}: {count} transfers, {name.replace('_', ' ')}")
        figures[name] = await measure_flow(flow, count)
    for name, _ in flows:
        say(f"run {number} of {runs}: the coordinator is killed, {name.replace('_', ' ')}")
        figures[f"{name}_killed"] = await measure_crash(name)
    return figures


def _require_prepare(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute("SHOW max_prepared_transactions").fetchone()
    if row is None or int(row[0]) < CLIENTS:
        raise PlainError(
            "This platform's databases allow too few prepared transactions: stop it and start it "
            "again, and they take their settings from the code."
        )
