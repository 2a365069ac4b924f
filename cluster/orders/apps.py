"""Django's view of `cluster.orders`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """The Django app `orders`, whose models the router sends to their database."""

    name = "cluster.orders"
    label = "orders"
