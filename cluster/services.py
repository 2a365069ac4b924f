"""The table of all services, and the check that their contracts fit together."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from cluster.messaging.contract import REGISTRY, ContractError, Kind
from cluster.messaging.service import Service

MODULES: Final = {
    "site": "cluster.storefront.service",
    "identity": "cluster.identity.service",
    "catalog": "cluster.catalog.service",
    "orders": "cluster.orders.service",
    "payments": "cluster.payments.service",
    "checkout": "cluster.checkout.service",
}


def load(name: str) -> Service:
    """Return the service of this name.

    Raises KeyError for an unknown one.
    """
    service: Service = import_module(MODULES[name]).SERVICE
    return service


@cache
def load_all() -> tuple[Service, ...]:
    """Return all services, in the order of the saga.

    Raises ContractError when their contracts do not fit.
    """
    services = tuple(load(name) for name in MODULES)
    for service in services:
        service.check()
    known = {service.name for service in services}
    for declared in REGISTRY.values():
        if declared.owner not in known:
            raise ContractError(f"{declared.name} belongs to no service")
        if declared.kind is Kind.COMMAND and not any(
            declared.name in service.consumes() for service in services
        ):
            raise ContractError(f"nobody handles {declared.name}")
    return services
