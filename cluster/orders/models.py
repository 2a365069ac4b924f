"""The tables of orders."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """The order of one checkout (same id)."""

    id = models.UUIDField(primary_key=True)
    visitor = models.TextField()
    sku = models.TextField()
    quantity = models.BigIntegerField()
    amount = models.BigIntegerField()
    state = models.TextField()
    version = models.IntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "orders"
        indexes = [models.Index(fields=["state"], name="orders_state")]


class Refund(models.Model):
    """A refund saga, complete when money, stock and limit are all back."""

    id = models.UUIDField(primary_key=True)
    order_id = models.UUIDField()
    state = models.TextField()
    money_back = models.BooleanField(default=False)
    stock_back = models.BooleanField(default=False)
    limit_back = models.BooleanField(default=False)
    version = models.IntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "refund"
        indexes = [models.Index(fields=["order_id"], name="refund_order")]
