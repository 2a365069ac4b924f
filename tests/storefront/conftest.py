"""A site with a product to order."""

from __future__ import annotations

import pytest

from cluster.messaging.work import UnitOfWork


@pytest.fixture
def work(site_work: UnitOfWork) -> UnitOfWork:
    """A unit of work on a site that offers `flag` for 250 pence."""
    site_work.cursor.execute(
        "INSERT INTO product (sku, name, price, restocked) VALUES ('flag', 'Green flag', 250, true)"
    )
    return site_work
