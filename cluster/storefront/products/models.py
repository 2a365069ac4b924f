"""The owners of products that visitors have listed."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models

from cluster.storefront.models import APP

DEMO: Final = "DEMO-"  # the beginning of the SKUs of a demo's run
OWN: Final = "OWN-"  # the beginning of the SKUs of visitors' own products


class OwnProduct(models.Model):
    """A product that a visitor has listed and may amend, with catalog's `id` of it."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    sku = models.TextField(unique=True)
    listed_at = models.DateTimeField()

    class Meta:
        app_label = APP
        db_table = "own_product"
        indexes: ClassVar = [models.Index(fields=["visitor", "listed_at"], name="own_product_of")]

    def __str__(self) -> str:
        return self.sku
