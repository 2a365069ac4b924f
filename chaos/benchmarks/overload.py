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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chaos.benchmarks.checkouts import Shop, await_condition
from chaos.benchmarks.document import Figures, Result
from chaos.benchmarks.scratch import broker_version, databases
from cluster.health.probes.usage import UsageScan
from cluster.messaging.envelope import new_message_id
from cluster.operations.checkout_client import CheckoutClient
from cluster.secrets.postgres import Cursor
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.repository import count_open, ends_since
from compose.errors import PlainError
from compose.supervisor import Supervisor, SupervisorError
from config.environment import run_directory
from config.waiting import repeated

NAME: Final = "overload"
COUNT: Final = 1_000  # checkouts for a measurement of the peak
RUNS: Final = 1
SECONDS: Final = 60  # of each load
FACTORS: Final = (1, 2, 5, 10)  # times the peak
RATIOS: Final = {
    f"goodput_{factor}x_vs_peak": (f"offered_{factor}x.goodput_per_second", "peak_per_second")
    for factor in FACTORS
}
CLIENTS: Final = 4
TICK: Final = 0.1  # seconds between two offers of a client
WARM_UP: Final = 50  # checkouts
SLOWEST: Final = 3  # checkouts per second that end: below it, something is broken
LOOK: Final = 0.2  # seconds


def measure(*, count: int, runs: int, seconds: int, say: Callable[[str], None]) -> Result:
    """Run the bench.

    Raises PlainError when the platform does not run or does not keep up.
    """
    with databases() as postgresql, closing(Shop()) as shop:
        say("warming up")
        shop.measure_load(WARM_UP)
        found = [_run(count, seconds, shop, say) for _ in range(runs)]
        versions = {"postgresql": postgresql, "rabbitmq": broker_version()}
    return Result.of(NAME, found, versions=versions, ratios=RATIOS)


def _run(count: int, seconds: int, shop: Shop, say: Callable[[str], None]) -> dict[str, Any]:
    figures: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    say(f"the peak: {count} checkouts")
    before = shop.measure_load(count)["checkouts_per_second"]
    for factor in FACTORS:
        say(f"{factor} times {before} checkouts a second, for {seconds} s")
        figures[f"offered_{factor}x"] = _offer(factor * before, seconds, shop)
    say(f"the peak again: {count} checkouts")
    after = shop.measure_load(count)["checkouts_per_second"]
    figures |= {"peak_before_per_second": before, "peak_after_per_second": after}
    figures["peak_per_second"] = round((before + after) / 2, 1)
    figures["load_average_after"] = round(os.getloadavg()[0], 2)
    return figures


def _offer(rate: float, seconds: int, shop: Shop) -> Figures:
    """Offer checkouts at a rate per second, wait for the accepted ones to end, and add up."""
    visitors = f"overload-{new_message_id().hex[-12:]}"
    disk = _disk_used()
    began = datetime.now(UTC)
    clients = [Client(f"{visitors}-{n}", shop.products, rate / CLIENTS) for n in range(CLIENTS)]
    with _peak_memory() as memory:
        for client in clients:
            client.thread.start()
        time.sleep(seconds)
        for client in clients:
            client.stop.set()
        for client in clients:
            client.thread.join()
        accepted = sum(client.accepted for client in clients)
        _await_ends(shop, began, f"{visitors}-", accepted)
    if not accepted:
        raise PlainError("No checkout of the bench was accepted.")
    ends = shop.read(lambda cursor: ends_since(cursor, since=began, visitors=f"{visitors}-"))
    if ends.last is None or ends.median is None or ends.p99 is None:
        raise PlainError("No checkout of the bench has ended.")
    offered = sum(client.offered for client in clients)
    return {
        "offered": offered,
        "offered_per_second": round(offered / seconds, 1),
        "accepted": accepted,
        "refused": offered - accepted,
        "completed": ends.completed,
        "compensated": ends.compensated,
        "goodput_per_second": round(ends.completed / (ends.last - began).total_seconds(), 1),
        "p50_ms": round(1000 * ends.median, 1),
        "p99_ms": round(1000 * ends.p99, 1),
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


def _await_ends(shop: Shop, began: datetime, visitors: str, accepted: int) -> None:
    def count(cursor: Cursor) -> int:
        return count_open(cursor, since=began, visitors=visitors)

    give_up = time.monotonic() + 30 + accepted / SLOWEST
    await_condition(lambda: not shop.read(count), give_up, every=LOOK)


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Sample the resident bytes of all of the platform's processes, every second.

    Nothing when the platform is supervised elsewhere, where its processes cannot be seen.
    """
    found: list[int] = []
    scan = UsageScan()

    def look() -> None:
        with suppress(SupervisorError):
            pids = [process.pid for process in Supervisor.connect().processes() if process.pid]
            found.append(sum(usage.memory_bytes for usage in scan.scan(pids).values()))

    with repeated(look, every=1.0, name="memory"):
        yield found


def _disk_used() -> int:
    """Return the bytes on disk under the run directory: databases with logs, queues, log files."""
    return sum(_blocks(Path(folder) / name) for folder, _, names in os.walk(run_directory())
               for name in names)  # fmt: skip


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:  # a server has removed the file
        return 0
