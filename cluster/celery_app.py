"""The Celery app of every service and of the beat, with the reason for each setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from kombu import Queue

from cluster.messaging import tolerant_decoding
from cluster.messaging.topology import MAX_LENGTH, client_properties


def task_queue(name: str) -> Queue:
    """Return the quorum queue of a service's scheduled tasks, as `topology.py` declares it."""
    return Queue(
        name,
        durable=True,
        no_declare=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-overflow": "reject-publish",
            "x-max-length": MAX_LENGTH,
        },
    )


def make_app(broker_url: Callable[[], str]) -> Celery:
    """Return a Celery app on the broker.

    `broker_url` gives the broker's address, with credentials, at any time.
    """
    tolerant_decoding.install()
    app: Any = Celery("cluster", broker=broker_url(), set_as_current=False)
    app.broker_address = broker_url
    app.conf.update(
        # Nothing reads results: the effects of a task are in the database.
        task_ignore_result=True,
        # A killed worker's task runs again. Every scheduled task is idempotent.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        # Publishing waits for the broker's confirm.
        broker_transport_options={
            "confirm_publish": True,
            "client_properties": client_properties(),
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=10,
        broker_pool_limit=2,
        # A queue that only its dead connection may use would refuse the restarted worker (405
        # RESOURCE_LOCKED). No operator controls these workers remotely, so there are no control or
        # event queues at all.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        # Deliveries of a lost connection come again, so do not finish them twice.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=3.0,
        # Quorum queues have no global prefetch limit. Celery then sets one per consumer.
        worker_detect_quorum_queues=True,
        worker_consumer="cluster.messaging.task_consumer:PatientConsumer",
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        task_create_missing_queues=False,
        timezone="UTC",
    )
    return app  # type: ignore[no-any-return]
