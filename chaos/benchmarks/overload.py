"""The bench `overload`: a load of up to ten times the pipeline's peak.

First the bench measures the pipeline's peak, as the bench `pipeline` does. Then clients
offer a multiple of it for a while, open loop: each checkout once, when it is due,
independently of earlier ones; a checkout that finds no room is refused. They call the
intake that the command line calls, not HTTP, whose limits for one visitor and one address
would refuse them much earlier. Goodput is the number of completed checkouts, divided by
the time from the first offer to the last end. Finally the peak is measured again, since
other work on the machine changes it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chaos.benchmarks.checkouts import Shop
from chaos.benchmarks.document import Figures, Result, medians
from chaos.benchmarks.scratch import broker_version, databases
from cluster.health.probes.usage import UsageScan
from cluster.messaging.envelope import new_message_id
from cluster.operations.checkout_client import CheckoutClient
from cluster.secrets.postgres import Database, DatabaseSession, database
from cluster.storefront.checkout_intake import CheckoutOrder
from compose.errors import PlainError
from compose.supervisor import Supervisor, SupervisorError
from config.environment import run_directory
from config.waiting import wait_until

NAME: Final = "overload"
COUNT: Final = 1_000  # checkouts for a measurement of the peak
RUNS: Final = 1
SECONDS: Final = 60  # of each load
FACTORS: Final = (1, 2, 5, 10)  # times the peak
CLIENTS: Final = 4
TICK: Final = 0.1  # seconds between two offers of a client
WARM_UP: Final = 50  # checkouts
SLOWEST: Final = 3  # checkouts per second that end: below it, something is broken
LOOK: Final = 0.2  # seconds

PRODUCTS: Final = "SELECT sku FROM product WHERE restocked ORDER BY sku"
OPEN: Final = """
    SELECT count(*) FROM checkout_request
     WHERE status = 'accepted' AND accepted_at >= to_timestamp(%s) AND visitor LIKE %s
"""
ENDS: Final = """
    SELECT count(*) FILTER (WHERE status = 'completed'),
           count(*) FILTER (WHERE status = 'compensated'),
           coalesce(extract(epoch FROM max(ended_at)), 0)::float8,
           1000 * percentile_disc(0.5) WITHIN GROUP
               (ORDER BY extract(epoch FROM ended_at - accepted_at))::float8,
           1000 * percentile_disc(0.99) WITHIN GROUP
               (ORDER BY extract(epoch FROM ended_at - accepted_at))::float8
      FROM checkout_request WHERE accepted_at >= to_timestamp(%s) AND visitor LIKE %s
"""


def measure(*, count: int, runs: int, seconds: int, say: Callable[[str], None]) -> Result:
    """Run the bench.

    Raises PlainError when the platform does not run or does not keep up.
    """
    with databases() as postgresql, closing(Shop()) as shop, closing(_site()) as session:
        say("warming up")
        shop.measure_load(WARM_UP)
        found = [_run(count, seconds, shop, session, say) for _ in range(runs)]
        versions = {"postgresql": postgresql, "rabbitmq": broker_version()}
    middle = medians(found)
    return Result(
        bench=NAME,
        versions=versions,
        runs=found,
        medians=middle,
        ratios={
            f"goodput_{factor}x_vs_peak": round(
                middle[f"offered_{factor}x"]["goodput_per_second"] / middle["peak_per_second"], 2
            )
            for factor in FACTORS
        },
    )


def _run(
    count: int, seconds: int, shop: Shop, session: DatabaseSession, say: Callable[[str], None]
) -> dict[str, Any]:
    figures: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    say(f"the peak: {count} checkouts")
    before = shop.measure_load(count)["checkouts_per_second"]
    for factor in FACTORS:
        say(f"{factor} times {before} checkouts a second, for {seconds} s")
        figures[f"offered_{factor}x"] = _offer(factor * before, seconds, session)
    say(f"the peak again: {count} checkouts")
    after = shop.measure_load(count)["checkouts_per_second"]
    figures |= {"peak_before_per_second": before, "peak_after_per_second": after}
    figures["peak_per_second"] = round((before + after) / 2, 1)
    figures["load_average_after"] = round(os.getloadavg()[0], 2)
    return figures


def _offer(rate: float, seconds: int, session: DatabaseSession) -> Figures:
    """Offer checkouts at a rate per second, wait for the accepted ones to end, and add up."""
    products = [sku for (sku,) in _read(session, PRODUCTS)]
    visitors = f"overload-{new_message_id().hex[-12:]}"
    disk = _disk_used()
    began = time.time()
    clients = [Client(f"{visitors}-{n}", products, rate / CLIENTS) for n in range(CLIENTS)]
    with _peak_memory() as memory:
        for client in clients:
            client.thread.start()
        time.sleep(seconds)
        for client in clients:
            client.stop.set()
        for client in clients:
            client.thread.join()
        accepted = sum(client.accepted for client in clients)
        _await_ends(session, began, f"{visitors}-%", accepted)
    if not accepted:
        raise PlainError("No checkout of the bench was accepted.")
    completed, compensated, ended, p50, p99 = _read(session, ENDS, began, f"{visitors}-%")[0]
    offered = sum(client.offered for client in clients)
    return {
        "offered": offered,
        "offered_per_second": round(offered / seconds, 1),
        "accepted": accepted,
        "refused": offered - accepted,
        "completed": completed,
        "compensated": compensated,
        "goodput_per_second": round(completed / (ended - began), 1),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "peak_memory_mb": max(memory, default=0) // 2**20 or None,
        "disk_kb_per_accepted": round((_disk_used() - disk) / 1024 / accepted, 1),
    }


@dataclass
class Client:
    """One client that offers checkouts at a rate from a thread, each once, when it is due."""

    name: str
    products: list[str]
    rate: float
    offered: int = 0
    accepted: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def _run(self) -> None:
        began = time.monotonic()
        with closing(CheckoutClient(trace_ratio=0.0)) as counter:
            while not self.stop.wait(TICK):
                due = int(self.rate * (time.monotonic() - began)) - self.offered
                self._offer(counter, due)
            counter.refuse(self.offered - self.accepted)

    def _offer(self, counter: CheckoutClient, count: int) -> None:
        orders = [
            CheckoutOrder(
                visitor=f"{self.name}-{number}", sku=self.products[number % len(self.products)]
            )
            for number in range(self.offered, self.offered + count)
        ]
        self.offered += count
        while orders and (taken := counter.accept_now(orders)):
            self.accepted += taken
            orders = orders[taken:]


def _await_ends(session: DatabaseSession, began: float, visitors: str, accepted: int) -> None:
    wait_until(
        lambda: not _read(session, OPEN, began, visitors)[0][0],
        within=30 + accepted / SLOWEST,
        every=LOOK,
        failure=PlainError(
            "The checkouts of the bench did not end in time: "
            "`python3 manage.py cluster status` says what is down."
        ),
    )


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Sample the resident bytes of all of the platform's processes, every second.

    Nothing when the platform is supervised elsewhere, where its processes cannot be seen.
    """
    found: list[int] = []
    over = threading.Event()
    scan = UsageScan()

    def look() -> None:
        while not over.wait(1.0):
            try:
                pids = [process.pid for process in Supervisor.connect().processes() if process.pid]
            except SupervisorError:
                continue
            found.append(sum(usage.memory_bytes for usage in scan.scan(pids).values()))

    thread = threading.Thread(target=look, name="memory", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _disk_used() -> int:
    """Return the bytes on disk under the run directory: databases with logs, queues, log files."""
    return sum(_blocks(Path(folder) / name) for folder, _, names in os.walk(run_directory())
               for name in names)  # fmt: skip


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:  # a server has removed the file
        return 0


def _site() -> DatabaseSession:
    holder: Database = database("site", identity="site")
    return DatabaseSession(holder)


def _read(session: DatabaseSession, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    with session.transaction() as connection:
        return connection.execute(statement.encode(), parameters).fetchall()
