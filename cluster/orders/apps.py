"""Django's view of `cluster.orders`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Label `orders`; the router sends its models to their database."""

    name = "cluster.orders"
    label = "orders"
