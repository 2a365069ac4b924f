"""The cluster loses no work when its credentials are rotated or revoked under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen
from uuid import UUID

import pytest

from cluster.secrets.vault import VaultClient
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.sampling import all_in_full

pytestmark = [pytest.mark.platform, pytest.mark.fault]

ROTATIONS, ROTATIONS_IN_FULL = 6, 20
COUNT_ROTATIONS = "SELECT count(*) FROM journal WHERE type LIKE '%%.credentials_rotated.v1'"


def rotations(cluster: Cluster) -> int:
    return int(cluster.rows("site", COUNT_ROTATIONS)[0][0])


class Visitors:
    """A thread that reads the home page again and again, and records every answer."""

    def __init__(self, url: str) -> None:
        self.answers: list[int | str] = []
        self._url = url
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        while not self._leave.is_set():
            try:
                with urlopen(self._url, timeout=10) as answer:
                    self.answers.append(answer.status)
            except OSError as error:
                self.answers.append(str(error))

    @contextmanager
    def reading(self) -> Iterator[None]:
        self._thread.start()
        yield
        self._leave.set()
        self._thread.join(timeout=20)


def test_rotations_under_load_cost_no_request_and_no_checkout(
    cluster: Cluster, platform_url: str, in_full: bool
) -> None:
    count = ROTATIONS_IN_FULL if in_full else ROTATIONS
    before = rotations(cluster)
    visitors = Visitors(f"{platform_url}/")
    ids: list[UUID] = []

    def rotated_under_load() -> bool:
        ids.extend(cluster.start_checkouts(5))
        cluster.await_ended(ids[-5:])
        return rotations(cluster) - before >= count

    with visitors.reading():
        eventually(rotated_under_load, within=150.0)

    assert set(visitors.answers) == {200}
    assert cluster.await_ended(ids) == {"completed": len(ids)}
    cluster.assert_conserved()


@pytest.mark.parametrize(
    "service", all_in_full(("orders", "payments", "checkout"), always=("payments",))
)
def test_a_lease_revoked_under_load_ends_sessions_and_the_service_comes_back(
    cluster: Cluster, service: str
) -> None:
    ids = cluster.start_checkouts(60)
    cluster.await_in_flight(ids, at_least=5)
    operator = VaultClient.for_identity("operator")
    users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE starts_with(usename, %s)"
    had = [name for (name,) in cluster.rows(service, users, f"lease_{service}_")]
    assert had

    for lease in operator.list_leases(service):
        operator.revoke_lease(lease)

    roles = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
    eventually(lambda: not cluster.rows(service, roles, had))
    assert cluster.await_ended(ids).total() == 60
    cluster.assert_conserved()
