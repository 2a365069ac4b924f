"""The addresses of the chaos pages."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "chaos"
urlpatterns: list[URLPattern] = []
