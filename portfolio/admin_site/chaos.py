"""Fault injection in the admin: the switch to change, and the records to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from chaos.experiments.models import AuditEntry, FaultSwitch, Incident
from chaos.experiments.repository import note
from cluster.health.observer.models import Outage
from cluster.kit.readable import validate_text
from portfolio.admin_site.read_only import FixedRowsAdmin, ReadOnlyAdmin

UNITS = {
    "detect_seconds": ("Noticed after", "s"),
    "first_success_seconds": ("First success after", "s"),
    "recover_seconds": ("Recovered after", "s"),
    "drain_seconds": ("Drained after", "s"),
    "checkouts": ("Checkouts meanwhile", ""),
    "completed": ("Completed", ""),
    "compensated": ("Compensated", ""),
    "deduplicated": ("Deliveries deduplicated", ""),
    "violations": ("Violations found", ""),
}


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit trail, written before each fault. No user may change it, not even the owner."""

    list_display = ("at", "actor", "action", "target", "outcome")
    search_fields = ("actor", "action", "target")
    list_filter = ("action",)
    date_hierarchy = "at"


@admin.register(FaultSwitch)
class FaultSwitchAdmin(FixedRowsAdmin):
    """The one row of the switch, made when its page is first opened.

    Every change of it is recorded in the audit trail.
    """

    fields = ("hard_faults", "reason")

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        """Return the form, which refuses a reason that a page could not show."""
        form = super().get_form(*args, **kwargs)
        if "reason" in form.base_fields:
            form.base_fields["reason"].validators.append(validate_text)
        return form

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the only row, since a list of one row is of no use."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        FaultSwitch.objects.get_or_create(pk=FaultSwitch.ONLY)
        address = reverse("admin:chaos_faultswitch_change", args=[FaultSwitch.ONLY])
        return HttpResponseRedirect(address)

    def response_post_save_change(
        self, _request: HttpRequest, _obj: FaultSwitch
    ) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:index"))

    def save_model(
        self, request: HttpRequest, obj: FaultSwitch, form: ModelForm[FaultSwitch], change: bool
    ) -> None:
        """Save the change and its audit entry in one transaction."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if form.changed_data:
                note(
                    actor=request.user.get_username(),
                    action="switched on" if obj.hard_faults else "switched off",
                    target="hard faults",
                    outcome=obj.reason,
                )


@admin.register(Outage)
class OutageAdmin(ReadOnlyAdmin):
    """Outages as the observer saw them."""

    list_display = ("began", "process", "service", "cause", "lasted")
    list_filter = ("process",)
    ordering = ("-began",)
    date_hierarchy = "began"
    show_full_result_count = False

    @admin.display(description="lasted")
    def lasted(self, outage: Outage) -> str:
        return "not over" if outage.seconds is None else f"{outage.seconds:.1f} s"


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    """The figures of incidents. The public page of each one shows the whole record."""

    list_display = ("recorded_at", "title", "process", "recovered", "passed", "page")
    list_filter = ("experiment", "passed")
    ordering = ("-recorded_at",)
    fields = (
        "page",
        "title",
        "summary",
        "experiment",
        "process",
        "recorded_at",
        "revision",
        "origin",
        "passed",
        "figures",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        # A record has hundreds of kilobytes, and the list does not show it.
        queryset = super().get_queryset(request)
        return (
            queryset
            if request.resolver_match and "object_id" in request.resolver_match.kwargs
            else queryset.defer("document")
        )

    @admin.display(description="recovered after", ordering="recover_seconds")
    def recovered(self, incident: Incident) -> str:
        return "–" if incident.recover_seconds is None else f"{incident.recover_seconds:.1f} s"

    @admin.display(description="public page")
    def page(self, incident: Incident) -> str:
        try:
            address = reverse("chaos:incident", args=[incident.pk])
        except NoReverseMatch:
            return "none yet"
        return format_html('<a href="{}">on the site</a>', address)

    @admin.display(description="figures")
    def figures(self, incident: Incident) -> str:
        found = incident.document.get("figures") or {}
        told = [
            f"{label}: {_value(found[name], unit)}"
            for name, (label, unit) in UNITS.items()
            if found.get(name) is not None
        ]
        return "\n".join(told) or "none recorded"


def _value(value: Any, unit: str) -> str:
    return f"{value:.1f} {unit}" if unit else str(value)
