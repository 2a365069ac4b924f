"""Django's view of the checkout service: its schema. The worker itself runs without Django."""

from __future__ import annotations

from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    name = "cluster.checkout"
    label = "checkout"
    verbose_name = "Checkout"
