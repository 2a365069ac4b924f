"""The Django app `payments`, for its schema only: its processes run without Django."""

from __future__ import annotations

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "cluster.payments"
    label = "payments"
    verbose_name = "Payments"
