"""The keys of the payment provider are rotated under load, and no request notices."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from chaos.benchmarks.provider_keys import is_taken
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import read_keys
from cluster.secrets.vault import VaultClient
from config.environment import run_directory
from tests.cluster.cluster import Cluster
from tests.commands import manage
from tests.conditions import eventually

pytestmark = [pytest.mark.platform, pytest.mark.fault]

OVERLAP = "8"  # seconds: the test asks within it whether the key before is still taken
ROTATIONS, ROTATIONS_IN_FULL = 1, 6  # of each key
# What the two processes log of a request that was refused, failed or postponed.
FAILED = {
    "payments-gateway": ("operations wait", "postponed", "Traceback"),
    "provider": ("webhook answered with", "webhook not delivered", "Traceback"),
}


def held(kind: KeyKind) -> str:
    with closing(VaultClient.for_identity("operator")) as vault:
        return read_keys(vault)[kind].secret


class Logs:
    """What the gateway and the provider log from now on."""

    def __init__(self) -> None:
        self._begins = {self._path(name): self._path(name).stat().st_size for name in FAILED}

    @staticmethod
    def _path(process: str) -> Path:
        return run_directory() / "log" / f"{process}.log"

    def failures(self) -> list[str]:
        return [
            line
            for path, begins in self._begins.items()
            for line in path.read_bytes()[begins:].decode().splitlines()
            if any(words in line for words in FAILED[path.stem])
        ]


@contextmanager
def load(cluster: Cluster) -> Iterator[list[UUID]]:
    """Start checkouts all the time, and yield the ids of those that were accepted."""
    ids: list[UUID] = []
    over = threading.Event()

    def start() -> None:
        while not over.wait(0.2):
            ids.extend(cluster.start_checkouts(2))

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield ids
    finally:
        over.set()
        thread.join()


def test_rotated_keys_cost_no_request_and_the_old_ones_are_refused_after_the_overlap(
    cluster: Cluster, in_full: bool
) -> None:
    logs = Logs()
    replaced: list[tuple[KeyKind, str]] = []
    with load(cluster) as ids:
        eventually(lambda: len(ids) > 4)
        for kind in [*KeyKind] * (ROTATIONS_IN_FULL if in_full else ROTATIONS):
            replaced.append((kind, held(kind)))
            done = manage("cluster", "rotate", kind.slug, "--overlap", OVERLAP, "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["key"] == kind.slug
            assert is_taken(kind, replaced[-1][1]), "both are valid in the overlap"
            assert is_taken(kind, held(kind))
        eventually(lambda: not any(is_taken(kind, secret) for kind, secret in replaced))
    assert cluster.await_ended(ids) == {"completed": len(ids)}
    assert logs.failures() == []
    cluster.assert_conserved()
