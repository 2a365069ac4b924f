"""Requests to a provider that stops answering, with the gateway's breaker and without it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp
from django.core.cache import cache

from cluster.payments.domain.breaker import Breaker, Circuit
from cluster.payments.gateway.keys import fixed_keys
from cluster.payments.gateway.provider import ProviderClient, ProviderUnavailable
from cluster.payments.provider_api import Operation, OperationKind
from portfolio.demos.controls import Choice, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.own_provider import API_KEY, OwnProvider, own_provider
from portfolio.demos.queries import table
from portfolio.demos.result import Check, Result, Side, Table, check, figure, note

TIMEOUT: Final = 0.25  # seconds of one request; the gateway gives 5
THRESHOLD: Final = 3  # failures in a row; the gateway takes 5
WISHES: Final = 40  # payments that come in, one by one
EVERY: Final = 0.05  # seconds between them
SILENT_FROM: Final = 0.3  # seconds after the first
SILENT_FOR: Final = 1.7  # seconds
ENDS_WITHIN: Final = 4.0  # seconds, so that the trial after the longest pause is seen
KEPT_FOR: Final = 600  # seconds that a visitor's breaker is remembered

BACK, SILENT, WELL = "back", "silent", "well"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: when it was sent and how long it took (seconds), the circuit, and its answer.

    `operations` is the number of payments that it carried.
    """

    at: float
    circuit: str
    took: float
    answered: bool
    operations: int


@dataclass(slots=True)
class Way:
    """The payments and the requests of one of the two ways."""

    wishes: list[UUID] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    gave_up: list[UUID] = field(default_factory=list)
    waiting: int = 0
    charged: Counter[UUID] = field(default_factory=Counter)

    @property
    def waited(self) -> float:
        """Seconds that were spent on requests which were not answered."""
        return sum(attempt.took for attempt in self.attempts if not attempt.answered)

    @property
    def done(self) -> int:
        return sum(1 for wish in self.wishes if self.charged[wish])


def run(visit: Visit, values: Values) -> Result:
    """Send as many payments each way to one provider, and read its books afterwards."""
    key = f"demo-breaker:{visit.visitor}"
    began_as = _remembered(key)
    began_in = began_as.circuit(time.time())
    with own_provider() as provider:
        naive, way, breaker = asyncio.run(_both(provider, str(values["provider"]), began_as))
    now = time.time()
    cache.set(key, (breaker.failures, breaker.retry_at), KEPT_FOR)
    return Result(
        headline=f"Without the breaker {len(naive.attempts)} requests, {naive.waited:.1f} s of "
        f"waiting in vain and {len(naive.gave_up)} payments given up; with it "
        f"{len(way.attempts)} requests, {way.waited:.1f} s and none.",
        sides=(
            Side(
                title="With the gateway’s breaker",
                sentence="Payments wait in a queue. One sender takes them all in one request, and "
                "pauses longer after each failure. For you it was "
                f"{began_in.value} when this run began.",
                figures=(
                    figure("Requests", len(way.attempts)),
                    figure("Waited in vain", way.waited, "s"),
                    figure(
                        "In the provider’s books in the end", f"{way.done} of {len(way.wishes)}"
                    ),
                    figure("Still waiting at the end", way.waiting),
                    figure("The circuit at the end", breaker.circuit(now).value),
                ),
                tables=(_table(way),),
            ),
            Side(
                title="Without it",
                sentence="Each payment is a request at once, that gives up after "
                f"{TIMEOUT * 1000:.0f} ms.",
                figures=(
                    figure("Requests", len(naive.attempts)),
                    figure("Waited in vain", naive.waited, "s"),
                    figure("Given up", len(naive.gave_up)),
                    figure("Given up, and yet done", sum(naive.charged[w] for w in naive.gave_up)),
                ),
            ),
        ),
        checks=tuple(_checks(naive, way)),
    )


def _remembered(key: str) -> Breaker:
    """Return this visitor's breaker from their last run, or a new one when Redis has none."""
    kept: Any = cache.get(key)
    failures, retry_at = kept or (0, 0.0)
    return Breaker(threshold=THRESHOLD, failures=failures, retry_at=retry_at)


async def _both(
    provider: OwnProvider, behaviour: str, breaker: Breaker
) -> tuple[Way, Way, Breaker]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    naive, way, began = Way(), Way(), time.time()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = ProviderClient(
            session, url=lambda: provider.url, keys=fixed_keys(API_KEY), timeout=timeout
        )
        disturbing = asyncio.create_task(_disturb(provider, behaviour))
        breaker, _ = await asyncio.gather(
            _send_with(breaker, client, way, began), _send_without(client, naive, began)
        )
        await disturbing
        provider.go_on()
        patient = ProviderClient(session, url=lambda: provider.url, keys=fixed_keys(API_KEY))
        for one in (naive, way):
            for wish in one.wishes:
                one.charged[wish] = len(await patient.events(wish))
    return naive, way, breaker


async def _disturb(provider: OwnProvider, behaviour: str) -> None:
    if behaviour == WELL:
        return
    if behaviour == BACK:
        await asyncio.sleep(SILENT_FROM)
    provider.stop()
    if behaviour == BACK:
        await asyncio.sleep(SILENT_FOR)
        provider.go_on()


async def _send_without(client: ProviderClient, way: Way, began: float) -> None:
    requests = []
    for _ in range(WISHES):
        wish = _wish(way)
        requests.append(asyncio.create_task(_attempt(client, [wish], way, "–", began)))
        await asyncio.sleep(EVERY)
    for wish, answered in zip(way.wishes, await asyncio.gather(*requests), strict=True):
        if not answered:
            way.gave_up.append(wish)


async def _send_with(breaker: Breaker, client: ProviderClient, way: Way, began: float) -> Breaker:
    """Send in batches as the gateway's sender does, which waits while the circuit is open."""
    coming = asyncio.create_task(_come_in(way))
    done = 0
    while time.time() - began < ENDS_WITHIN and not (coming.done() and done == len(way.wishes)):
        batch = way.wishes[done:]
        now = time.time()
        if not batch or breaker.pause(now):
            await asyncio.sleep(min(breaker.pause(now) or EVERY, EVERY))
            continue
        circuit = breaker.circuit(now)
        if await _attempt(client, batch, way, circuit.value, began):
            breaker, done = breaker.succeeded(), done + len(batch)
        else:
            breaker = breaker.failed(time.time())
    await coming
    way.waiting = len(way.wishes) - done
    return breaker


async def _come_in(way: Way) -> None:
    for _ in range(WISHES):
        _wish(way)
        await asyncio.sleep(EVERY)


def _wish(way: Way) -> UUID:
    way.wishes.append(uuid4())
    return way.wishes[-1]


async def _attempt(
    client: ProviderClient, batch: Sequence[UUID], way: Way, circuit: str, began: float
) -> bool:
    # The payment's own id is its idempotency key: the provider acts once on a repeated one.
    operations = [Operation(id_, id_, OperationKind.AUTHORISE, 100, "tok_ok") for id_ in batch]
    at = time.time()
    try:
        await client.send(operations)
        answered = True
    except ProviderUnavailable:
        answered = False
    took = time.time() - at
    way.attempts.append(Attempt(at - began, circuit, took, answered, len(batch)))
    return answered


def _table(way: Way) -> Table:
    """Return the requests, without those of one payment answered in a closed circuit."""
    telling = [
        attempt
        for attempt in way.attempts
        if not attempt.answered or attempt.circuit != Circuit.CLOSED.value or attempt.operations > 1
    ]
    caption = (
        "Its requests, and the circuit in which each went out; those of one payment that were "
        "answered in a closed circuit are left out"
    )
    columns = ("at", "circuit", "payments", "answer", "took")
    cells = (
        (
            f"{attempt.at:.2f} s",
            attempt.circuit,
            attempt.operations,
            "taken over" if attempt.answered else "none",
            f"{attempt.took * 1000:.0f} ms",
        )
        for attempt in telling
    )
    return table("", caption, columns, cells)


def _checks(naive: Way, way: Way) -> Iterator[Check]:
    # A payment that was sent and not answered may have been made: it waits, and is sent again.
    sent = way.wishes[: len(way.wishes) - way.waiting]
    lost = sum(not way.charged[wish] for wish in sent)
    twice = [wish for one in (naive, way) for wish in one.wishes if one.charged[wish] > 1]
    yield check(
        "with the breaker no payment is lost",
        holds=lost == 0,
        sentence=f"{len(way.wishes)} came in: {way.done} are in the provider’s books, "
        f"{way.waiting} wait, {lost} are neither.",
    )
    yield check(
        "nothing is done twice",
        holds=not twice,
        sentence=f"{len(twice)} payments were decided more than once, though some were sent "
        "several times.",
    )
    open_ = [one for one in way.attempts if one.circuit == Circuit.OPEN.value]
    yield check(
        "no request goes out while the circuit is open",
        holds=not open_,
        sentence=f"{len(open_)} of {len(way.attempts)} did.",
    )
    trials = [one for one in way.attempts if one.circuit == Circuit.HALF_OPEN.value]
    yield note(
        "without it, for comparison",
        f"{len(naive.gave_up)} of {len(naive.wishes)} payments were given up, of which "
        f"the provider has done {sum(1 for w in naive.gave_up if naive.charged[w])} all the same. "
        f"The breaker made {len(trials)} trials.",
    )


DEMO: Final = demo(
    "circuit-breaker",
    controls=(
        Choice(
            "provider",
            "The provider",
            (
                (BACK, f"falls silent for {SILENT_FOR:g} s, and is back"),
                (SILENT, "is silent throughout: your next run begins with an open circuit"),
                (WELL, "answers throughout"),
            ),
        ),
    ),
    run=run,
    code=(ProviderClient, own_provider),
    seconds=6,
)
