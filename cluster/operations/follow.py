"""Follow checkouts until each has ended, drawing their present state meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cluster.operations.checkout_client import CheckoutClient, Step
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.events import CODES
from cluster.storefront.headcode import headcode
from cluster.storefront.repository import CheckoutRow
from config.waiting import wait_until

EACH_SHOWN: Final = 20  # up to this number of checkouts, each has a line of its own
LOOK_EVERY: Final = 0.2  # seconds
COLOURS: Final = {"completed": "green", "compensated": "yellow", "accepted": "cyan"}


@dataclass
class Progress:
    """The present state of the checkouts that were started."""

    orders: Sequence[CheckoutOrder]
    states: dict[UUID, CheckoutRow] = field(default_factory=dict)
    steps: dict[UUID, list[Step]] = field(default_factory=dict)
    seconds: float = 0.0

    def learn(self, states: dict[UUID, CheckoutRow], steps: Sequence[Step]) -> None:
        self.states |= states
        for step in steps:
            self.steps.setdefault(step.checkout, []).append(step)

    @property
    def unfinished(self) -> list[UUID]:
        return [
            order.id
            for order in self.orders
            if order.id not in self.states or not self.states[order.id].ended
        ]

    def status(self, order: CheckoutOrder) -> str:
        state = self.states.get(order.id)
        return state.status if state else "accepted"

    def tally(self) -> Counter[str]:
        return Counter(map(self.status, self.orders))

    def by_outcome(self) -> dict[str, Counter[str]]:
        """Return the number of checkouts in each status, by requested outcome."""
        found: dict[str, Counter[str]] = {}
        for order in self.orders:
            found.setdefault(str(order.requested_outcome), Counter())[self.status(order)] += 1
        return found

    def as_json(self) -> dict[str, Any]:
        tally = self.tally()
        return {
            "accepted": len(self.orders),
            "ended": len(self.orders) - tally["accepted"],
            "completed": tally["completed"],
            "compensated": tally["compensated"],
            "unfinished": tally["accepted"],
            "seconds": round(self.seconds, 3),
            "by_outcome": {name: dict(count) for name, count in self.by_outcome().items()},
            "checkouts": [self._one(order) for order in self.orders],
        }

    def _one(self, order: CheckoutOrder) -> dict[str, Any]:
        state = self.states.get(order.id)
        return {
            "id": str(order.id),
            "headcode": headcode(order.id),
            "outcome": str(order.requested_outcome),
            "visitor": order.visitor,
            "sku": order.sku,
            "quantity": order.quantity,
            "amount": state.amount if state else None,
            "status": self.status(order),
            "reason": state.reason if state else "",
            "seconds": state.seconds if state else None,
        }


def follow(
    counter: CheckoutClient, progress: Progress, *, timeout: float, console: Console
) -> bool:
    """Poll until all have ended, at most `timeout` seconds, and return whether all have."""
    started = time.monotonic()
    each = len(progress.orders) <= EACH_SHOWN
    draw = _each if each else _totals
    with _shown(console) as show:

        def have_ended() -> bool:
            ids = [order.id for order in progress.orders] if each else progress.unfinished
            progress.learn(counter.states(ids), counter.new_steps(ids) if each else [])
            progress.seconds = time.monotonic() - started
            show(draw(progress), False)
            return not progress.unfinished

        ended = wait_until(have_ended, within=timeout, every=LOOK_EVERY)
        show(draw(progress), True)
    return ended


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[RenderableType, bool], None]]:
    """Draw in place on a terminal, and elsewhere print the last state once."""
    if not console.is_terminal:
        yield lambda drawing, last: console.print(drawing) if last else None
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda drawing, _last: live.update(drawing, refresh=True)


def summary(progress: Progress) -> RenderableType:
    """Return a table of the results by requested outcome."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("outcome asked for")
    for heading in ("completed", "compensated", "in flight"):
        table.add_column(heading, justify="right")
    for outcome, tally in progress.by_outcome().items():
        counts = (tally["completed"], tally["compensated"], tally["accepted"])
        table.add_row(outcome, *map(str, counts))
    return table


def _each(progress: Progress) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for heading in ("train", "asked for", "what", "steps passed", "state"):
        table.add_column(heading, overflow="fold")
    for order in progress.orders:
        state = progress.states.get(order.id)
        status = progress.status(order)
        table.add_row(
            headcode(order.id),
            str(order.requested_outcome),
            f"{order.quantity} x {order.sku}",
            _passed(progress.steps.get(order.id, [])),
            Text(_told(status, state), style=COLOURS[status]),
        )
    return table


def _passed(steps: Sequence[Step]) -> Text:
    told = Text()
    for step in steps:
        if told:
            told.append(" › ", style="dim")
        told.append(f"{CODES.get(step.service, step.service)} ", style="dim")
        told.append(step.verb)
    return told


def _told(status: str, state: CheckoutRow | None) -> str:
    if state is None or state.seconds is None:
        return "in flight"
    why = f": {state.reason}" if state.reason else ""
    return f"{status} in {state.seconds:.2f} s{why}"


def _totals(progress: Progress) -> RenderableType:
    tally, total = progress.tally(), len(progress.orders)
    ended = total - tally["accepted"]
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        ProgressBar(total=total, completed=ended, width=40),
        f"{ended} of {total} ended",
        Text(f"{tally['completed']} completed", style=COLOURS["completed"]),
        Text(f"{tally['compensated']} compensated", style=COLOURS["compensated"]),
        f"{progress.seconds:.1f} s",
    )
    return grid
