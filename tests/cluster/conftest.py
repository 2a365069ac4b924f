"""The cluster that all tests of this folder share."""

from __future__ import annotations

import pytest

from tests.cluster.cluster import Cluster
from tests.conditions import eventually


@pytest.fixture(scope="module")
def cluster(platform: None) -> Cluster:
    """The running cluster, once its first products are for sale.

    Each module has its own, since tests of the secrets close the databases of this process.
    """
    running = Cluster()
    eventually(lambda: running.rows("site", "SELECT 1 FROM product WHERE restocked"))
    return running
