"""The watchdog replaces a worker that is connected and does not consume."""

from __future__ import annotations

import pytest

from chaos.drivers.driver import choose_driver
from cluster.health.observer.client import latest
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

# The broker's channel process gets the method that a client would send. The client does not
# notice: its connection, its channel and its heartbeats go on.
CANCEL = """
    [rabbit_channel:do(proplists:get_value(channel_pid, C),
                       {'basic.cancel', proplists:get_value(consumer_tag, C), true})
     || Host <- rabbit_vhost:list_names(),
        C <- rabbit_amqqueue:consumers_all(Host),
        element(4, proplists:get_value(queue_name, C)) =:= <<"orders.inbox">>].
"""


@pytest.mark.platform
@pytest.mark.fault
@pytest.mark.full  # in every run, tests/cluster/test_progress.py sees a worker replaced
def test_a_worker_whose_consumer_was_cancelled_is_seen_and_replaced(cluster: Cluster) -> None:
    before = cluster.supervisor.pid("worker-orders")

    choose_driver().broker("eval", CANCEL)

    def is_seen() -> bool:
        snapshot = latest()
        found = snapshot.process("worker-orders") if snapshot else None
        return found is not None and found.pid == before and found.consuming is False

    eventually(is_seen, within=30.0)
    eventually(
        lambda: cluster.supervisor.process("worker-orders").pid not in (None, before), within=60.0
    )
    sagas = cluster.start_checkouts(1)
    assert cluster.await_ended(sagas) == {"completed": 1}
