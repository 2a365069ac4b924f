"""The Celery app of the baseline, and its queues: Celery's defaults, except as noted here."""

from __future__ import annotations

from typing import Any, Final

from celery import Celery
from kombu import Queue

from cluster.secrets.addresses import operators_broker_url
from config.environment import SERVICES

QUEUES: Final = {service: f"bench.naive.{service}" for service in SERVICES}
START: Final = "start_checkout"


def make_app() -> Celery:
    """Return the Celery app.

    Publisher confirms are off, and tasks acknowledged early, as by Celery's defaults.
    """
    address = operators_broker_url
    app: Any = Celery(
        "bench",
        broker=address(),
        set_as_current=False,
        # Without Celery's own support for Django, which connects to the database anew for
        # each task: that alone would make the baseline several times slower.
        fixups=[],
    )
    app.broker_address = address  # PatientConsumer calls it before it connects
    app.conf.update(
        # Quorum queues, made by the bench, so that Celery need not declare them with each message.
        task_queues=[
            Queue(name, no_declare=True, queue_arguments={"x-queue-type": "quorum"})
            for name in QUEUES.values()
        ],
        task_ignore_result=True,
        # Left out, since it costs the baseline time or leaves queues behind on the broker:
        # remote control, and the queues for tasks with a countdown.
        worker_enable_remote_control=False,
        worker_consumer="cluster.messaging.task_consumer:PatientConsumer",
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
    )
    return app  # type: ignore[no-any-return]
