"""A topology of the test's own on the platform's broker, and an inbox with visible effects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.secrets.postgres import DatabaseSession
from tests.messaging.own_topology import OwnTopology, own_topology
from tests.messaging.shelf import EFFECTS, Shelf


@pytest.fixture
def own(broker_url: str) -> Iterator[OwnTopology]:
    with own_topology(broker_url) as found:
        yield found


@pytest.fixture
def shelf(scratch: DatabaseSession) -> Shelf:
    with scratch.transaction() as connection:
        connection.execute(EFFECTS)
    return Shelf(scratch)
