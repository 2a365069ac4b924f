"""The site's tables and the records of logins in the admin, read-only.

Only the cluster writes those tables, and only django-axes these records.
"""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.http import HttpRequest

from articles.owner import admin as owner_admin
from cluster.storefront.models import (
    CheckoutRequest,
    ErasureRequest,
    JournalEntry,
    Product,
    RefundRequest,
)
from portfolio.admin_site import chaos as chaos_admin
from portfolio.admin_site.read_only import ReadOnlyAdmin
from portfolio.contact import admin as contact_admin

# Importing these modules registers their models.
__all__ = ["chaos_admin", "contact_admin", "owner_admin"]


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


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Failed logins. Deleting a row lets its user and address try again at once."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    ordering = ("-attempt_time",)
    fields = ("attempt_time", "username", "ip_address", "failures_since_start", "user_agent")

    def has_delete_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm("axes.delete_accessattempt")


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    list_display = ("attempt_time", "username", "ip_address", "logout_time")
    ordering = ("-attempt_time",)
    fields = ("attempt_time", "logout_time", "username", "ip_address", "user_agent")
