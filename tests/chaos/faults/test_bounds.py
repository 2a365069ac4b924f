"""A fault of messages or links with a target or a parameter outside its bounds is refused."""

from __future__ import annotations

import pytest

from chaos.faults.registry import fault_named
from compose.errors import Misuse


@pytest.mark.parametrize(
    ("name", "target", "parameters"),
    [
        ("cut-link", "site-broker", {}),
        ("cut-link", "orders-broker", {"milliseconds": 5}),
        ("slow-link", "orders-broker", {"milliseconds": -1}),
        ("blackhole-link", "orders-broker", {"bytes_per_second": 5}),
        ("duplicate-messages", "worker-orders", {}),
        ("duplicate-messages", "all", {"milliseconds": 5}),
        ("delay-messages", "all", {"milliseconds": 0}),
        ("delay-messages", "all", {"milliseconds": "500"}),
        ("reorder-messages", "relay-site", {"limit": 1_000_000}),
        ("poison-order", "catalog", {}),
        ("poison-order", "orders", {"limit": 1}),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(
    name: str, target: str, parameters: dict[str, object]
) -> None:
    with pytest.raises(Misuse):
        fault_named(name).check(target, parameters)
