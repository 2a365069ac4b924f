"""The addresses of the chaos pages."""

from __future__ import annotations

from django.urls import path

from chaos import views

app_name = "chaos"
urlpatterns = [
    path("", views.index, name="index"),
    path("incidents/<uuid:incident_id>/", views.incident, name="incident"),
]
