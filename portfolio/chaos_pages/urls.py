"""The addresses of the chaos pages."""

from __future__ import annotations

from django.urls import path

from portfolio.chaos_pages.views import board, experiments, incidents, message_editing, runs

app_name = "chaos"
urlpatterns = [
    path("", board.board, name="index"),
    path("queue/", board.queue, name="queue"),
    path("compose/", experiments.compose, name="compose"),
    path("experiments/<slug:name>/", experiments.experiment, name="experiment"),
    path("experiments/<slug:name>.json", experiments.document, name="experiment-document"),
    path("runs/", runs.ask, name="runs"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("runs/<uuid:run_id>/withdraw/", runs.take_back, name="withdraw"),
    path("incidents/<uuid:incident_id>/", incidents.incident, name="incident"),
    path("surgery/", message_editing.surgery, name="surgery"),
    path("recoveries/", incidents.recoveries, name="recoveries"),
    path("recoveries.json", incidents.recoveries_json, name="recoveries-document"),
]
