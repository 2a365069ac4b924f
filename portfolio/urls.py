"""The site's addresses."""

from __future__ import annotations

from django.urls import path

from portfolio.web import asyncapi, checkouts, health, pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("checkouts/", checkouts.start, name="start-checkout"),
    path("sagas/<uuid:saga_id>/", pages.saga, name="saga"),
    path("asyncapi.json", asyncapi.asyncapi, name="asyncapi"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
