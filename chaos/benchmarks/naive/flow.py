"""Running the baseline: its five workers, and checkouts through them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from chaos.benchmarks.checkouts import BATCH, LOOK
from chaos.benchmarks.document import Figures
from chaos.benchmarks.naive.app import QUEUES, START, make_app
from chaos.benchmarks.naive.worker import READY
from chaos.benchmarks.processor_time import Stopwatch
from chaos.benchmarks.scratch import address, queues
from cluster.messaging.envelope import new_message_id
from cluster.storefront.seed import PRODUCTS
from compose.errors import PlainError
from config.environment import ROOT, SERVICES, run_directory
from config.waiting import wait_until

START_PATIENCE: Final = 90.0  # seconds until five workers are ready on a busy machine
STOP_PATIENCE: Final = 5.0
SLOWEST: Final = 1  # checkouts per second
# Start; five steps, each with an advance of the saga; the provider's two answers; three ends.
TASKS_OF_A_CHECKOUT: Final = 16

REQUESTS: Final = """
    CREATE TABLE checkout_request (
        id uuid PRIMARY KEY, visitor text NOT NULL, sku text NOT NULL, quantity int NOT NULL,
        amount bigint NOT NULL, accepted_at timestamptz NOT NULL DEFAULT now())
"""
REQUEST: Final = """
    INSERT INTO checkout_request (id, visitor, sku, quantity, amount) VALUES (%s, %s, %s, %s, %s)
"""
# The last step of a checkout in each of the three services that end it.
ENDS: Final = {
    "identity": "SELECT count(*) FROM spend",
    "catalog": "SELECT count(*) FROM sale",
    "orders": "SELECT count(*) FROM orders WHERE version = 2",
}


class NaiveCheckouts:
    """The baseline while its workers run, as `naive_checkouts` starts them."""

    def __init__(
        self, connections: dict[str, psycopg.Connection[Any]], pids: Sequence[int]
    ) -> None:
        self._connections = connections
        self._pids = pids
        self._app: Any = make_app()

    def measure(self, count: int) -> Figures:
        """Take `count` checkouts through the baseline, started without a pause."""
        ended_before = self._ended()
        contexts = [_context(number) for number in range(count)]
        processors = Stopwatch(self._pids)
        start = time.monotonic()
        for first in range(0, count, BATCH):
            self._accept(contexts[first : first + BATCH])
        wait_until(
            lambda: self._ended() - ended_before >= count,
            within=start + 60 + count / SLOWEST - time.monotonic(),
            every=LOOK,
            failure=PlainError("The Celery baseline has lost steps: its checkouts do not end."),
        )
        seconds = time.monotonic() - start
        cost = processors.seconds()
        return {
            "checkouts_per_second": round(count / seconds, 1),
            "tasks_per_second": round(count * TASKS_OF_A_CHECKOUT / seconds, 1),
            "seconds": round(seconds, 2),
            "checkouts": count,
            "tasks": count * TASKS_OF_A_CHECKOUT,
            "cpu_ms_per_checkout": cost and round(1000 * cost / count, 2),
        }

    def _accept(self, contexts: Sequence[dict[str, Any]]) -> None:
        """Write the requests of a batch in one transaction, then send a task for each."""
        requests = [(str(new_message_id()), context) for context in contexts]
        site = self._connections["site"]
        with site.transaction(), site.cursor() as cursor:
            cursor.executemany(
                REQUEST,
                [(id_, c["visitor"], c["sku"], c["quantity"], c["amount"]) for id_, c in requests],
            )
        with self._app.producer_pool.acquire() as producer:
            for request in requests:
                self._app.send_task(START, request, queue=QUEUES["checkout"], producer=producer)

    def _ended(self) -> int:
        """Return the number of checkouts that have ended in all three services."""
        counts = [
            self._connections[service].execute(statement.encode()).fetchone() or (0,)
            for service, statement in ENDS.items()
        ]
        return int(min(count for (count,) in counts))

    def close(self) -> None:
        self._app.close()


@contextmanager
def naive_checkouts() -> Iterator[NaiveCheckouts]:
    """Start the five workers, wait until they are ready, and kill them by their pids afterwards."""
    with ExitStack() as stack:
        stack.enter_context(queues(list(QUEUES.values())))
        log = run_directory() / "log" / "bench-naive.log"
        log.write_text("")
        workers = [stack.enter_context(_worker(service, log)) for service in SERVICES]
        _await_ready(workers, log)
        connections = {
            service: stack.enter_context(psycopg.connect(**address(service), autocommit=True))
            for service in ("site", *ENDS)
        }
        connections["site"].execute(REQUESTS)
        checkouts = NaiveCheckouts(connections, [worker.pid for worker in workers])
        stack.callback(checkouts.close)
        yield checkouts


@contextmanager
def _worker(service: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("a") as errors:
        worker = subprocess.Popen(
            [sys.executable, "-m", "chaos.benchmarks.naive.worker", service],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # Ctrl-C is for the bench, which then stops its workers.
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        # Kill its whole session, which it leads: the bench needs no work that it could finish.
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate(timeout=STOP_PATIENCE)


def _await_ready(workers: Sequence[subprocess.Popen[str]], log: Path) -> None:
    end = time.monotonic() + START_PATIENCE
    for worker in workers:
        # Readable means that it has printed something, or has ended.
        assert worker.stdout is not None
        said, _, _ = select.select([worker.stdout], [], [], max(0, end - time.monotonic()))
        if not said or worker.stdout.readline().strip() != READY:
            lines = log.read_text().strip().splitlines() or ["it did not say why"]
            raise PlainError(f"A worker of the Celery baseline did not start: {lines[-1]}")


def _context(number: int) -> dict[str, Any]:
    product = PRODUCTS[number % len(PRODUCTS)]
    return {
        "visitor": f"bench-{new_message_id().hex[-12:]}-{number}",
        "sku": product.sku,
        "quantity": 1,
        "amount": product.price,
        "card": "tok_ok",
    }
