"""A sale of a hundred items to five hundred buyers, whose checkouts the site accepts as usual."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cluster.catalog.contract import ListProduct
from cluster.messaging.envelope import new_message_id
from cluster.storefront.transactions import run_in_transaction
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

pytestmark = pytest.mark.platform

BUYERS, ITEMS = 500, 100


def on_sale(cluster: Cluster) -> str:
    """List a product with ITEMS in stock, and return its SKU once the site sells it."""
    sku = f"SALE-{uuid4().hex[:8].upper()}"
    product = ListProduct(sku=sku, name="Of the sale", price=100, stock=ITEMS)
    listing = new_message_id()
    run_in_transaction(lambda work: work.send(product, subject_id=listing, correlation=listing))
    eventually(lambda: cluster.rows("site", "SELECT 1 FROM product WHERE sku = %s", sku))
    return sku


def test_every_item_is_sold_once_and_everybody_else_is_let_go(cluster: Cluster) -> None:
    sku = on_sale(cluster)

    ids = cluster.start_checkouts(BUYERS, sku=sku)

    assert cluster.await_ended(ids) == {"completed": ITEMS, "compensated": BUYERS - ITEMS}
    stock = "SELECT available, reserved, sold FROM product WHERE sku = %s"
    eventually(lambda: cluster.rows("catalog", stock, sku) == [(0, 0, ITEMS)])
    sold = "SELECT count(*), sum(quantity) FROM sale WHERE sku = %s"
    assert cluster.rows("catalog", sold, sku) == [(ITEMS, ITEMS)]
    cluster.assert_conserved()
