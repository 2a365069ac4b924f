"""A visitor edits one message of a checkout of their own while it is in flight."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID, uuid4

import pytest

from chaos.message_editing import (
    ALWAYS,
    CHOICES,
    OPERATIONS,
    operate,
    restriction,
)
from cluster.checkout.definition import CHECKOUT
from cluster.messaging.envelope import new_message_id
from cluster.messaging.fault_injection import Operation
from cluster.storefront.admission import TooManyRequests
from cluster.storefront.checkout_intake import CheckoutOrder, InvalidRequest, Outcome
from cluster.storefront.transactions import run_in_transaction
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

SAGA = {
    schema.message_type.name
    for step in CHECKOUT.steps
    for schema in (
        step.command,
        step.compensation.command,
        *(reply for reply, _ in step.replies()),
    )
}


@pytest.fixture(scope="module")
def cluster(platform: object) -> Cluster:
    running = Cluster()
    eventually(lambda: running.rows("site", "SELECT 1 FROM product WHERE restocked"))
    return running


def order(outcome: Outcome = Outcome.SUCCESS, *, visitor: str = "", sku: str = "") -> CheckoutOrder:
    return CheckoutOrder(
        visitor=visitor or f"visitor-{uuid4().hex[:12]}",
        sku=sku or "MUG-ENAMEL",
        card=outcome.card,
        requested_outcome=outcome,
        id=new_message_id(),
    )


def begin(checkout: CheckoutOrder, operation: Operation, message: str, seconds: float = 0) -> UUID:
    return run_in_transaction(
        lambda work: operate(
            work, checkout=checkout, operation=operation, message=message, seconds=seconds
        )
    )


def told(cluster: Cluster, checkout: UUID) -> list[str]:
    """Return the types of all messages of this correlation, in the order of the journal."""
    query = "SELECT type FROM journal WHERE correlation = %s ORDER BY seq"
    return [type_ for (type_,) in cluster.rows("site", query, checkout)]


def saga_messages(cluster: Cluster, checkout: UUID) -> set[str]:
    """Return the types of the saga's own messages, once its end is in the journal."""
    ends = {"checkout.checkout_completed.v1", "checkout.checkout_compensated.v1"}
    eventually(lambda: ends & set(told(cluster, checkout)))
    return set(told(cluster, checkout)) & SAGA


def test_every_choice_is_a_message_of_the_saga_and_every_operation_has_words() -> None:
    assert {choice.message for choice in CHOICES} <= SAGA
    assert set(OPERATIONS) == set(Operation)
    for choice in CHOICES:
        assert {choice.sender, choice.receiver} - {"checkout"}
        assert choice.outcomes


@pytest.mark.platform
def test_the_choices_of_an_outcome_are_the_messages_that_it_sends(cluster: Cluster) -> None:
    sold_out = cluster.rows("site", "SELECT sku FROM product WHERE NOT restocked LIMIT 1")
    orders = [
        order(outcome, sku=sold_out[0][0] if outcome is Outcome.OUT_OF_STOCK else "")
        for outcome in ALWAYS
        if outcome is not Outcome.OUT_OF_STOCK or sold_out
    ]
    assert list(cluster.counter.accept(orders))[-1] == len(orders)
    cluster.await_ended([one.id for one in orders])

    for one in orders:
        outcome = Outcome(one.requested_outcome)
        offered = {c.message for c in CHOICES if restriction(c, outcome) is None}
        late = {"payments.late_authorisation_returned.v1"}
        assert saga_messages(cluster, one.id) - late == offered, outcome


@pytest.mark.platform
def test_a_rule_is_in_force_before_its_checkout_begins(cluster: Cluster) -> None:
    asked = begin(order(), Operation.DUPLICATE, "identity.limit_held.v1")

    assert cluster.await_ended([asked]) == {"completed": 1}
    eventually(lambda: "checkout.message_deduplicated.v1" in told(cluster, asked))
    types = told(cluster, asked)
    assert types[:3] == [
        "identity.disturb_messages.v1",
        "identity.messages_disturbed.v1",
        "checkout.start_checkout.v1",
    ]


@pytest.mark.platform
def test_a_poisoned_message_is_set_aside_and_its_original_applied(cluster: Cluster) -> None:
    asked = begin(order(), Operation.POISON, "catalog.reserve_stock.v1")

    assert cluster.await_ended([asked]) == {"completed": 1}
    kept = "SELECT reason, replayed_at FROM dead_letter WHERE subject = %s"
    eventually(lambda: cluster.rows("catalog", kept, f"reservation/{asked}") == [("invalid", None)])
    eventually(lambda: "catalog.message_dead_lettered.v1" in told(cluster, asked))


@pytest.mark.platform
def test_an_overtaken_command_waits_for_nobody_and_its_compensation_for_it(
    cluster: Cluster,
) -> None:
    late = begin(order(), Operation.DELAY, "payments.authorise_payment.v1", seconds=1.0)
    overtaken = begin(order(), Operation.REORDER, "payments.authorise_payment.v1")

    assert cluster.await_ended([late]) == {"completed": 1}
    assert cluster.await_ended([overtaken]) == {"compensated": 1}
    eventually(lambda: "payments.message_parked.v1" in told(cluster, overtaken))
    cluster.assert_conserved()


@pytest.mark.platform
def test_a_visitor_has_one_operation_at_a_time(cluster: Cluster) -> None:
    visitor = f"visitor-{uuid4().hex[:12]}"
    first = begin(
        order(visitor=visitor), Operation.DELAY, "payments.capture_payment.v1", seconds=2.0
    )

    with pytest.raises(TooManyRequests) as refused:
        begin(order(visitor=visitor), Operation.DUPLICATE, "payments.capture_payment.v1")

    assert refused.value.status is HTTPStatus.CONFLICT
    cluster.await_ended([first])


@pytest.mark.platform
@pytest.mark.parametrize(
    ("outcome", "operation", "message", "seconds"),
    [
        (Outcome.SUCCESS, Operation.DUPLICATE, "orders.cancel_order.v1", 0.0),
        (Outcome.SUCCESS, Operation.DUPLICATE, "payments.void_payment.v1", 0.0),
        (Outcome.LAST_ITEM_RACE, Operation.DUPLICATE, "identity.hold_limit.v1", 0.0),
        (Outcome.SUCCESS, Operation.DELAY, "identity.hold_limit.v1", 10.5),
        (Outcome.SUCCESS, Operation.DELAY, "identity.hold_limit.v1", float("nan")),
        (Outcome.SUCCESS, Operation.DELAY, "identity.hold_limit.v1", 0.0),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    cluster: Cluster, outcome: Outcome, operation: Operation, message: str, seconds: float
) -> None:
    with pytest.raises(InvalidRequest, match=r"\.$"):
        begin(order(outcome), operation, message, seconds)
