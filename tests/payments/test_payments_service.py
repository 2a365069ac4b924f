"""The payments service has a handler for every command and event that it must handle."""

from __future__ import annotations

import cluster.catalog.contract
import cluster.checkout.contract
import cluster.identity.contract
import cluster.orders.contract  # noqa: F401 - contracts register their types
from cluster.payments.service import SERVICE


def test_every_command_and_every_heard_stream_has_its_handlers() -> None:
    SERVICE.check()
    assert (SERVICE.name, SERVICE.code) == ("payments", "PAY")
