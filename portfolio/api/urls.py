"""The addresses below `/api/v1/`."""

from __future__ import annotations

from django.urls import path, re_path

from portfolio.api.api import addresses
from portfolio.api.document import openapi
from portfolio.api.guard import guarded, unknown_address

app_name = "api"
urlpatterns = [
    path("openapi.json", guarded(openapi), name="openapi"),
    *[pattern for pattern in addresses() if pattern.name != "api-root"],
    re_path(r"", unknown_address),
]
