"""Message types are declared once, and a service's handler table has to be complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted
from cluster.identity.contract import HoldLimit, LimitHeld, ReleaseHold
from cluster.messaging.contract import REGISTRY, ContractError, Payload, command, message_type
from cluster.messaging.envelope import Message
from cluster.messaging.service import Service
from cluster.messaging.work import UnitOfWork, ignore
from cluster.services import load_all


def handle(work: UnitOfWork, messages: Sequence[Message[Any]], /) -> None:
    """A handler that does nothing."""


def test_every_service_has_a_complete_handler_table() -> None:
    assert [s.name for s in load_all()] == [
        "site",
        "identity",
        "catalog",
        "orders",
        "payments",
        "checkout",
    ]


def test_a_registered_type_knows_its_owner_and_its_aggregate() -> None:
    declared = message_type("identity.hold_limit.v1")

    assert (declared.owner, declared.aggregate) == ("identity", "hold")
    assert declared.schema is HoldLimit


def test_a_name_can_be_declared_once_only() -> None:
    with pytest.raises(ContractError, match="declared twice"):
        command("identity.hold_limit.v1", aggregate="hold")


@pytest.mark.parametrize("name", ["hold_limit", "identity.HoldLimit.v1", "identity.hold.1"])
def test_a_name_has_owner_verb_and_version(name: str) -> None:
    with pytest.raises(ContractError, match="not of the form"):
        command(name, aggregate="hold")


def test_a_service_without_a_handler_for_its_own_command_does_not_start() -> None:
    service = Service(name="identity", code="IDN", handlers={HoldLimit: handle})

    with pytest.raises(ContractError, match=r"identity has no handler for its identity\.release"):
        service.check()


def test_a_service_may_not_handle_the_command_of_another() -> None:
    service = Service(name="site", code="WEB", handlers={HoldLimit: handle})

    with pytest.raises(ContractError, match="handles identity's"):
        service.check()


def test_a_service_hears_all_events_of_an_aggregate_or_none() -> None:
    """A service that handled only some events would see gaps in their sequence for ever."""
    deaf = Service(name="site", code="WEB", handlers={CheckoutCompleted: handle})
    attentive = Service(
        name="site",
        code="WEB",
        handlers={CheckoutCompleted: handle, CheckoutCompensated: ignore},
    )

    with pytest.raises(ContractError, match="hears some events of checkout's checkout"):
        deaf.check()
    attentive.check()


def test_every_type_has_a_frozen_schema_with_a_name_of_its_own() -> None:
    schemas = [declared.schema for declared in REGISTRY.values()]

    assert all(schema.__struct_config__.frozen for schema in schemas)
    assert len({schema.__name__ for schema in schemas}) == len(schemas)
    assert all(issubclass(schema, Payload) for schema in (LimitHeld, ReleaseHold))
