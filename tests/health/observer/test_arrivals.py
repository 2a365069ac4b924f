"""The observer awaits the effect of the newest message that came to a queue."""

from __future__ import annotations

from uuid import UUID, uuid4

from cluster.health.observer.arrivals import Arrivals
from cluster.services import load
from tests.health.observer.test_health import NOW, depths

ORDERS = load("orders")
HEARD = min(ORDERS.consumes())
FIRST, SECOND = uuid4(), uuid4()


def arrivals(*, workers: int = 1) -> Arrivals:
    return Arrivals((ORDERS, load("site")), {"orders": workers, "site": 1})


def journalled(made: Arrivals, *newest: UUID, at: float, name: str = HEARD) -> None:
    """Note a reading in which the journal has recorded these, and names the last one."""
    made.note("site", depths(at=at, newest={name: (len(newest), newest[-1])}))


def test_the_newest_message_of_what_a_service_consumes_is_awaited_in_its_queue() -> None:
    made = arrivals()
    assert made.queues(settled={}) == set()
    journalled(made, FIRST, SECOND, at=NOW)
    assert (made.awaited("orders"), made.awaited("site")) == (SECOND, None)
    assert made.queues(settled={}) == {"orders.inbox"}


def test_what_it_does_not_consume_never_comes_to_it() -> None:
    made = arrivals()
    journalled(made, FIRST, at=NOW, name="nobody.heard_of.v1")
    assert made.awaited("orders") is None


def test_a_message_with_an_effect_is_no_longer_awaited_and_another_one_may_be() -> None:
    made = arrivals()
    journalled(made, FIRST, at=NOW)
    journalled(made, SECOND, at=NOW + 1)
    assert made.awaited("orders") == FIRST
    made.note("orders", depths(at=NOW + 2, with_effect=FIRST))
    assert made.awaited("orders") is None
    journalled(made, SECOND, at=NOW + 3)
    assert made.awaited("orders") == SECOND


def test_a_queue_that_has_moved_since_awaits_nothing_whatever_became_of_the_message() -> None:
    made = arrivals()
    journalled(made, FIRST, at=NOW)
    assert made.queues(settled={"orders.inbox": NOW - 1}) == {"orders.inbox"}
    assert made.queues(settled={"orders.inbox": NOW + 1}) == set()
    assert made.awaited("orders") is None


def test_nobody_knows_in_which_partition_a_message_is() -> None:
    made = arrivals(workers=2)
    journalled(made, FIRST, at=NOW)
    assert made.awaited("orders") is None
