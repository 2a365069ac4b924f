"""The site's tables in the admin, read-only, since only the cluster writes them."""

from __future__ import annotations

from django.contrib import admin

from articles.owner import admin as owner_admin
from cluster.storefront.models import (
    CheckoutRequest,
    ErasureRequest,
    JournalEntry,
    Product,
    RefundRequest,
)
from portfolio.admin_site import accounts as accounts_admin
from portfolio.admin_site import chaos as chaos_admin
from portfolio.admin_site.read_only import ReadOnlyAdmin
from portfolio.contact import admin as contact_admin

# Importing these modules registers their models.
__all__ = ["accounts_admin", "chaos_admin", "contact_admin", "owner_admin"]


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ("seq", "time", "source", "type", "subject", "sequence")
    ordering = ("-seq",)
    show_full_result_count = False  # counting millions of rows is slow and of no use


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
    list_display = ("sku", "name", "price", "restocked", "version", "fed_by")
