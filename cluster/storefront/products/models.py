"""Whose a product is that a visitor has listed."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models

DEMO: Final = "DEMO-"  # how those of a run of a demo begin
OWN: Final = "OWN-"  # how their SKUs begin


class OwnProduct(models.Model):
    """A product that a visitor has listed and may amend; `id` is catalog's id of it."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    sku = models.TextField(unique=True)
    listed_at = models.DateTimeField()

    class Meta:
        app_label = "portfolio"  # whose migrations describe the table
        db_table = "own_product"
        indexes: ClassVar = [models.Index(fields=["visitor", "listed_at"], name="own_product_of")]

    def __str__(self) -> str:
        return self.sku
