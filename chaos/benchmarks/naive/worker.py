"""A worker of the baseline.

    python -m chaos.benchmarks.naive.worker SERVICE

It makes its service's tables, prints `ready` on standard output when it consumes,
and ends when its standard input closes: with the bench, also if that is killed.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Final
from uuid import uuid4

import django
from celery.signals import worker_ready
from django.apps import apps
from django.db import connections

from chaos.benchmarks.naive.app import QUEUES, make_app

READY: Final = "ready"
# Compared with prefork and one child: a fifth less processor time at the same rate (docs/adr/0008).
POOL: Final = "solo"
STOCK: Final = 1_000_000


def main() -> None:
    """Work for the service named on the command line."""
    service = sys.argv[1]
    threading.Thread(target=_end_with_the_bench, daemon=True).start()
    os.environ["DJANGO_SETTINGS_MODULE"] = "chaos.benchmarks.naive.settings"
    django.setup()
    from chaos.benchmarks.naive import tasks  # its models need Django set up

    _make_tables(service)
    connections.close_all()  # no child of any pool may inherit one
    app: Any = make_app()
    tasks.register(app)
    worker_ready.connect(_report_ready, weak=False)
    app.Worker(
        pool=POOL,
        concurrency=1,
        hostname=f"bench-{service}@{os.getpid()}",
        queues=[QUEUES[service]],
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,  # no banner: standard output is for the bench
    ).start()


def _make_tables(service: str) -> None:
    with connections[service].schema_editor() as editor:
        for model in apps.get_app_config(service).get_models():
            editor.create_model(model)
    if service == "catalog":
        from cluster.catalog.models import Product
        from cluster.storefront.seed import PRODUCTS

        Product.objects.bulk_create(
            Product(
                id=uuid4(),
                sku=product.sku,
                name=product.name,
                price=product.price,
                available=STOCK,
                listed=STOCK,
                version=1,
            )
            for product in PRODUCTS
        )


def _report_ready(**_: Any) -> None:
    print(READY, flush=True)


def _end_with_the_bench() -> None:
    # Not sys.stdin.read(), whose lock would block a child forked meanwhile for ever.
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
