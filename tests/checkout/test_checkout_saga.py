"""The declaration of the checkout saga, and the service that runs it."""

from __future__ import annotations

import pytest

from cluster.checkout.definition import CHECKOUT, CheckoutContext
from cluster.checkout.handlers import HANDLERS
from cluster.checkout.service import SERVICE
from cluster.messaging.contract import REGISTRY, Kind
from cluster.sagas.definition import Step

CONTEXT = CheckoutContext("ada", "tea", 2, 700, "tok_ok")


def test_the_service_hears_every_event_of_the_aggregates_it_waits_for() -> None:
    SERVICE.check()
    waited_for = {
        (step.command.message_type.owner, step.command.message_type.aggregate)
        for step in CHECKOUT.steps
    }
    assert {
        declared.name
        for declared in REGISTRY.values()
        if declared.kind is Kind.EVENT and (declared.owner, declared.aggregate) in waited_for
    } == {schema.message_type.name for schema in HANDLERS} - {"checkout.start_checkout.v1"}


@pytest.mark.parametrize("step", CHECKOUT.steps, ids=lambda step: step.name)
def test_each_step_builds_the_commands_it_declares(step: Step[CheckoutContext]) -> None:
    assert type(step.build(CONTEXT)) is step.command
    assert type(step.compensation.build(CONTEXT, "why")) is step.compensation.command
