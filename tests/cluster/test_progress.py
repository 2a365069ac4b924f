"""The cluster names a queue that does not move, and replaces its worker."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from chaos.faults.healed import HealedLog
from chaos.watchdog.replacement import NAME
from cluster.health.observer.client import latest
from cluster.health.progress import STALLED_AFTER
from tests.cluster.cluster import Cluster
from tests.commands import manage
from tests.conditions import eventually
from tests.databases import superuser_session

QUEUE = "orders.inbox"
WORKER = "worker-orders"
SENTENCE = f"The queue {QUEUE} has not moved for "
# Each batch of the current worker meets an error of a lock that it cannot have. The worker takes
# that for an outage of its database, and retries. Its successor meets no error.
JAM = """
    CREATE FUNCTION jam() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT detail->>'pid' FROM heartbeat WHERE process = '{worker}') = '{pid}' THEN
            RAISE EXCEPTION 'jammed by a test' USING ERRCODE = 'lock_not_available';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER jam BEFORE INSERT ON inbox FOR EACH STATEMENT EXECUTE FUNCTION jam();
"""
CLEAR = "DROP TRIGGER IF EXISTS jam ON inbox; DROP FUNCTION IF EXISTS jam()"


@contextmanager
def jammed(pid: int) -> Iterator[None]:
    """Make the inbox of orders refuse every row from the worker with this pid."""
    with superuser_session("orders") as connection:
        connection.execute(JAM.format(worker=WORKER, pid=pid))
        try:
            yield
        finally:
            connection.execute(CLEAR)


def status() -> dict[str, Any]:
    """Return the document that `manage.py cluster status --json` prints."""
    found: dict[str, Any] = json.loads(manage("cluster", "status", "--json").stdout)
    return found


def stalls() -> list[str]:
    """Return the sentences of the observer about stalls of the queue."""
    snapshot = latest()
    return [one.words for one in snapshot.stalls if one.queue == QUEUE] if snapshot else []


@pytest.mark.platform
@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(360)  # with the start of the platform
def test_a_queue_that_does_not_move_is_named_everywhere_and_its_worker_replaced(
    cluster: Cluster, platform_url: str
) -> None:
    before = cluster.supervisor.pid(WORKER)
    began = time.time()

    def told_by(path: str) -> str:
        return requests.get(f"{platform_url}{path}", timeout=10).text

    with jammed(before):
        with cluster.paused("watchdog"):  # which would heal the stall before it is seen
            sagas = cluster.start_checkouts(1)
            eventually(stalls, within=90.0)
            places = {
                "cluster status": " ".join(status()["troubles"]),
                "readyz": told_by("/readyz"),
                "strip": told_by("/status.json"),
            }
            metrics = told_by("/metrics")
        eventually(lambda: cluster.supervisor.process(WORKER).pid not in (None, before), within=60)
        eventually(lambda: not stalls(), within=60.0)

    assert [place for place, words in places.items() if SENTENCE not in words] == []
    assert json.loads(places["readyz"])["ready"] is True
    gauge = re.search(r'cluster_queue_stalled_seconds{service="orders"} ([\d.]+)', metrics)
    assert gauge is not None
    assert float(gauge[1]) >= STALLED_AFTER
    noted = [one for one in HealedLog().all() if one.fault == NAME and one.at > began]
    assert [(one.target, one.by) for one in noted] == [(WORKER, "watchdog")]
    assert SENTENCE in noted[0].words
    assert cluster.await_ended(sagas).total() == 1
