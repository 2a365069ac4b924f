"""The cluster as a Django app: no tables of its own, only the commands that look after it."""

from __future__ import annotations

from django.apps import AppConfig


class ClusterConfig(AppConfig):
    name = "cluster"
    label = "cluster"
