"""The owner's rows in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.forms import Textarea
from django.http import HttpRequest

from articles.owner.models import CaseStudy, Link, Page, Profile

# Wide enough for Markdown that is written line by line.
PROSE = Textarea(attrs={"rows": 14, "cols": 100})
SHORT = Textarea(attrs={"rows": 4, "cols": 100})
# The default of Django 6: an address without a scheme means https.
ADDRESSES: dict[Any, Any] = {models.URLField: {"assume_scheme": "https"}}


class ProseAdmin(admin.ModelAdmin[Any]):
    """Large text areas for texts, except those named in `short_texts`."""

    short_texts: tuple[str, ...] = ()
    formfield_overrides = ADDRESSES

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kw: Any) -> Any:
        if db_field.get_internal_type() == "TextField":
            kw["widget"] = SHORT if db_field.name in self.short_texts else PROSE
        return super().formfield_for_dbfield(db_field, request, **kw)


@admin.register(Profile)
class ProfileAdmin(ProseAdmin):
    """The admin of one row, which exists from the start and is neither added nor deleted."""

    short_texts = ("introduction",)
    fields = (
        "name",
        "role",
        "location",
        "availability",
        "introduction",
        "about",
        "email",
        "repository_url",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Profile.objects.exists()

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


@admin.register(Link)
class LinkAdmin(admin.ModelAdmin[Link]):
    formfield_overrides = ADDRESSES
    list_display = ("label", "url", "order")
    list_editable = ("order",)


@admin.register(Page)
class PageAdmin(ProseAdmin):
    """The admin of the pages' texts. Pages are neither added nor deleted."""

    short_texts = ("lead",)
    list_display = ("__str__", "title", "updated_at")
    fields = ("title", "lead", "body", "description")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


@admin.register(CaseStudy)
class CaseStudyAdmin(ProseAdmin):
    short_texts = ("summary", "figures")
    list_display = ("title", "client", "period", "order", "visible", "updated_at")
    list_editable = ("order", "visible")
    list_filter = ("visible",)
    prepopulated_fields = {"slug": ("title",)}
    view_on_site = True
    fieldsets = (
        (None, {"fields": ("title", "slug", "client", "period", "summary")}),
        (
            "The text",
            {"fields": ("problem", "approach", "difficulty", "outcome", "questions", "pattern")},
        ),
        ("Facts", {"fields": ("technologies", "figures")}),
        ("Where it is shown", {"fields": ("order", "visible")}),
    )
