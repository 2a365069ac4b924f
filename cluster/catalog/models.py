"""The tables of catalog."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Product(models.Model):
    """A product and its stock, in which `version` counts the announcements about the product."""

    id = models.UUIDField(primary_key=True)
    sku = models.TextField(unique=True)
    name = models.TextField()
    price = models.BigIntegerField()
    available = models.BigIntegerField()
    reserved = models.BigIntegerField(default=0)
    sold = models.BigIntegerField(default=0)
    # Every item that was ever brought in.
    listed = models.BigIntegerField()
    # Restocking fills up to this many available items; 0: never.
    restock_to = models.BigIntegerField(default=0)
    version = models.IntegerField()
    # Of the columns that listing, amending and restocking decide (`repository.product_digest`).
    digest = models.BinaryField(null=True)

    class Meta:
        db_table = "product"
        constraints = [
            models.CheckConstraint(
                condition=Q(available__gte=0, reserved__gte=0, sold__gte=0),
                name="stock_never_negative",
            ),
            models.CheckConstraint(
                condition=Q(listed=F("available") + F("reserved") + F("sold")),
                name="stock_conserved",
            ),
        ]


class Reservation(models.Model):
    """The reservation of one checkout (same id)."""

    id = models.UUIDField(primary_key=True)
    sku = models.TextField()
    quantity = models.BigIntegerField()
    state = models.TextField()
    version = models.IntegerField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "reservation"
        indexes = [
            models.Index(
                fields=["expires_at"], name="reservation_due", condition=Q(state="reserved")
            )
        ]


class Sale(models.Model):
    """The items that a completed checkout (same id) bought."""

    id = models.UUIDField(primary_key=True)
    sku = models.TextField()
    quantity = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "sale"


class StockReturn(models.Model):
    """The items that a refund (same id) brought back."""

    id = models.UUIDField(primary_key=True)
    sku = models.TextField()
    quantity = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "stock_return"
