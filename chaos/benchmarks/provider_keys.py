"""The keys of the payment provider, rotated under checkouts: a part of the bench `rotation`.

Threads ask the provider with the API key that Vault has, as the checker does, while checkouts run
and both keys are rotated again and again. A request counts as failed when it is refused with the
key of a moment ago and with the one that Vault has then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from uuid import UUID

import requests

from chaos.benchmarks.document import Figures, percentile
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.plan import Wanted
from cluster.operations.provider_keys import IDENTITY, rotate
from cluster.payments.provider_api import BOOKS_PATH, SIGNATURE_HEADER, KeyKind
from cluster.payments.provider_keys import read_keys
from cluster.payments.signature import sign
from cluster.secrets.vault import VaultClient
from compose.errors import PlainError
from config.environment import setting
from config.waiting import wait_until

ROTATIONS: Final = 5  # of each key
OVERLAP: Final = 2.0  # seconds: short, so that the bench sees each end
THREADS: Final = 2
READ_EVERY: Final = 1.0  # seconds for which a thread uses a key without asking Vault
CHECKOUTS: Final = 5  # with each rotation
ROTATED_WITHIN: Final = 30.0  # seconds
ENDED_WITHIN: Final = 60.0
PATIENCE: Final = 10.0  # seconds for an answer
LOOK: Final = 0.05  # seconds


@dataclass
class Requests:
    """Threads that ask the provider one request after another, and count those that fail."""

    latencies: list[float] = field(default_factory=list)
    retried: int = 0
    failed: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        over = threading.Event()
        threads = [threading.Thread(target=self._work, args=(over,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _work(self, over: threading.Event) -> None:
        with closing(VaultClient.for_identity(IDENTITY)) as vault:
            key, read_at = _held(vault, KeyKind.API_KEY), time.monotonic()
            while not over.is_set():
                began = time.monotonic()
                if began - read_at >= READ_EVERY:
                    key, read_at = _held(vault, KeyKind.API_KEY), began
                if not is_taken(KeyKind.API_KEY, key):
                    self.retried += 1
                    key, read_at = _held(vault, KeyKind.API_KEY), time.monotonic()
                    self.failed += not is_taken(KeyKind.API_KEY, key)
                self.latencies.append(time.monotonic() - began)


def measure_keys() -> Figures:
    """Rotate both keys under load, and return the figures. Raises PlainError."""
    load, client = Requests(), CheckoutClient()
    done: list[float] = []
    refused: list[float] = []
    orders = []
    with closing(VaultClient.for_identity(IDENTITY)) as vault, load.running():
        for kind in [*KeyKind] * ROTATIONS:
            orders += client.order(Wanted.SUCCESS, count=CHECKOUTS, sku=None, quantity=1)
            list(client.accept(orders[-CHECKOUTS:]))
            before = _held(vault, kind)
            done.append(rotate(kind, overlap=OVERLAP, within=ROTATED_WITHIN).seconds)
            rotated = time.monotonic()
            _await_refusal(kind, before)
            refused.append(time.monotonic() - rotated)
    completed = wait_until(
        lambda: _completed(client, [order.id for order in orders]),
        holds=lambda count: count == len(orders),
        within=ENDED_WITHIN,
        every=LOOK,
    )
    client.close()
    return {
        "rotations": len(done),
        "requests": len(load.latencies),
        "retried": load.retried,
        "failed": load.failed,
        "checkouts": len(orders),
        "not_completed": len(orders) - completed,
        "p99_ms": round(1000 * percentile(load.latencies, 99), 2),
        "asked_to_done_p50_s": round(percentile(done, 50), 2),
        "overlap_s": OVERLAP,
        "old_refused_after_longest_s": round(max(refused), 2),
    }


def is_taken(kind: KeyKind, secret: str) -> bool:
    """Return whether the provider takes an API key, or the gateway a webhook signed with it.

    Raises PlainError for another answer than yes or no.
    """
    try:
        if kind is KeyKind.API_KEY:
            headers = {"Authorization": f"Bearer {secret}"}
            url = setting("PROVIDER_URL").rstrip("/") + BOOKS_PATH
            answer = requests.get(url, headers=headers, timeout=PATIENCE)
        else:
            body = b'{"events": []}'
            headers = {SIGNATURE_HEADER: sign(body, secret, at=int(time.time()))}
            url = setting("PAYMENTS_WEBHOOK_URL")
            answer = requests.post(url, data=body, headers=headers, timeout=PATIENCE)
    except requests.RequestException as error:
        raise PlainError(f"The provider or the gateway does not answer: {error}") from error
    if answer.status_code not in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED):
        raise PlainError(f"{answer.url} answers with {answer.status_code}.")
    return answer.status_code == HTTPStatus.OK


def _await_refusal(kind: KeyKind, secret: str) -> None:
    wait_until(
        lambda: not is_taken(kind, secret),
        within=ROTATED_WITHIN,
        every=LOOK,
        failure=PlainError(f"The {kind.words} before is still taken."),
    )


def _held(vault: VaultClient, kind: KeyKind) -> str:
    return read_keys(vault)[kind].secret


def _completed(client: CheckoutClient, ids: list[UUID]) -> int:
    return sum(row.status == "completed" for row in client.states(ids).values())
