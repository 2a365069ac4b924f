"""The site's tables in the admin, to look at: the cluster alone writes them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from portfolio.models import (
    CheckoutRequest,
    ErasureRequest,
    JournalEntry,
    Product,
    RefundRequest,
)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("seq", "time", "source", "type", "subject", "sequence")
    ordering = ("-seq",)
    show_full_result_count = False  # counting millions of rows tells nobody anything


@admin.register(CheckoutRequest)
class CheckoutRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "accepted_at", "sku", "quantity", "amount", "status", "reason")
    list_filter = ("status", "requested_outcome")


@admin.register(RefundRequest)
class RefundRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "accepted_at", "order_id", "status", "reason")


@admin.register(ErasureRequest)
class ErasureRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "accepted_at", "status", "reason")


@admin.register(Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "price", "restocked")
