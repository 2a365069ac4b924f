"""The site's tables, the records of logins and the second factors in the admin, read-only.

Only the cluster writes those tables, only django-axes these records, and each second factor is
set up by its user.
"""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnCredential

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
from portfolio.admin_site.second_factor import forget_device
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


class SecondFactorAdmin(ReadOnlyAdmin):
    """The second factors. Deleting one lets its user log in without it, and set up another."""

    list_display = ("user", "name", "confirmed", "created_at", "last_used_at")
    list_select_related = ("user",)
    fields = ("user", "name", "confirmed", "created_at", "last_used_at")

    def has_delete_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        permission = get_permission_codename("delete", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{permission}")

    def delete_model(self, _request: HttpRequest, obj: Any) -> None:
        forget_device(obj.user, obj)


# Its library has shown the first with its key.
admin.site.unregister(TOTPDevice)
admin.site.register([TOTPDevice, WebAuthnCredential], SecondFactorAdmin)
