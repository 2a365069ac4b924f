"""The cluster loses nothing when messages are duplicated, delayed, overtaken or refused."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from chaos.faults.messages import POISONED
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.conftest import Broken

pytestmark = [pytest.mark.platform, pytest.mark.fault]

OVERTAKEN = """
    SELECT count(DISTINCT correlation)
      FROM (SELECT correlation, sequence,
                   max(sequence) OVER (PARTITION BY source, subject ORDER BY seq
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS highest
              FROM journal WHERE correlation = ANY(%s)) AS arrivals
     WHERE sequence < highest
"""


def counted(cluster: Cluster, name: str) -> int:
    """Return the sum of the counter `name` over all services."""
    query = "SELECT value FROM counter WHERE name = %s"
    services = ("identity", "catalog", "orders", "payments", "checkout")
    return sum(int(rows[0][0]) for s in services if (rows := cluster.rows(s, query, name)))


def test_messages_sent_twice_are_applied_once(cluster: Cluster, broken: Broken) -> None:
    before = counted(cluster, "deduplicated")
    with broken("duplicate-messages", "all", life=60.0):
        ids = cluster.start_checkouts(3)
        assert cluster.await_ended(ids) == {"completed": 3}

    # Five commands and five answers of each, at least.
    eventually(lambda: counted(cluster, "deduplicated") >= before + 30)


def test_messages_held_back_are_only_late(cluster: Cluster, broken: Broken) -> None:
    with broken("delay-messages", "relay-orders", life=60.0, milliseconds=700) as armed:
        ids = cluster.start_checkouts(3)
        held = "SELECT count(*) FROM outbox WHERE created_at < now() - interval '0.4 s'"
        eventually(lambda: cluster.rows("orders", held) != [(0,)], every=0.02)
        assert cluster.await_ended(ids) == {"completed": 3}
        assert not armed.expired


def test_an_overtaken_answer_is_applied_in_its_turn(cluster: Cluster, broken: Broken) -> None:
    """The relay delays the authorisation past its deadline, so that the void overtakes it.

    The journal shows this, since it records arrivals. A consumer that finds both in one batch
    puts them in order without parking either.
    """
    with broken("reorder-messages", "relay-payments", life=60.0, limit=20):
        ids = cluster.start_checkouts(2)
        assert cluster.await_ended(ids) == {"compensated": 2}

    eventually(lambda: cluster.rows("site", OVERTAKEN, ids) == [(2,)])
    cluster.assert_conserved()


def test_a_poisoned_order_is_sent_again_when_the_poison_is_gone(
    cluster: Cluster, broken: Broken
) -> None:
    with broken("poison-order", "orders", life=60.0):
        [poisoned] = cluster.start_for(f"{POISONED}{uuid4().hex[:8]}")
        healthy = cluster.start_checkouts(2)
        assert cluster.await_ended(healthy) == {"completed": 2}
        eventually(lambda: letters(cluster, poisoned) == [False])

    assert letters(cluster, poisoned) == [True]
    assert cluster.await_ended([poisoned]).total() == 1
    cluster.assert_conserved()


def letters(cluster: Cluster, identifier: UUID) -> list[bool]:
    """Return, for each dead letter about this order, whether it was replayed."""
    query = "SELECT replayed_at IS NOT NULL FROM dead_letter WHERE subject = %s"
    return [again for (again,) in cluster.rows("orders", query, f"order/{identifier}")]
