"""The Django app `checkout`, for its schema only: the worker runs without Django."""

from __future__ import annotations

from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    name = "cluster.checkout"
    label = "checkout"
    verbose_name = "Checkout"
