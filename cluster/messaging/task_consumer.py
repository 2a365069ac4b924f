"""Celery's own consumer, with short waits for the broker and a check in front of its tasks."""

from __future__ import annotations

import logging
from typing import Any, Final

from celery.worker.consumer import Consumer

from cluster.messaging.dead_letters import Reason, Rejected, unreadable_dead_letter
from cluster.messaging.task_messages import fault_of
from cluster.messaging.tolerant_decoding import unreadable

logger = logging.getLogger(__name__)

REQUEUED_AFTER: Final = 1.0  # seconds

# Celery's steps without delayed delivery. That one declares some 28 queues on a quorum
# broker, which slow its start and stop, for ETA and countdown tasks; here deadlines
# live in PostgreSQL.
STEPS: Final = tuple(
    step
    for step in Consumer.Blueprint.default_steps
    if step != "celery.worker.consumer.delayed_delivery:DelayedDelivery"
)


class PatientConsumer(Consumer):
    """Celery's consumer with short waits between attempts to reach the broker.

    It keeps messages that are no task of this service as dead letters.

    The wait of Celery's own consumer grows by two seconds at each attempt: a broker that was back
    after six seconds was joined after twelve.
    """

    Blueprint: Any = type("Blueprint", (Consumer.Blueprint,), {"default_steps": STEPS})

    connection: Any
    connection_errors: Any
    hub: Any

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Any:
        """Return Celery's handler of tasks, behind a check that dead-letters other messages."""
        handle = super().create_task_handler(*args, **kwargs)
        known = getattr(self.app, "scheduled_tasks", None)  # see cluster/worker.py
        if known is None:  # the app of a benchmark, which takes any task
            return handle
        self.connection.default_channel.auto_decode = False

        def check_and_handle(message: Any) -> None:
            fault = fault_of(message.body, message.properties, known)
            if fault is None:
                handle(message)
            else:
                self._give_up(message, fault)

        return check_and_handle

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._give_up(message, f"{type(exc).__name__}: {exc}")

    def on_invalid_task(self, _body: Any, message: Any, exc: Exception) -> None:
        self._give_up(message, f"{type(exc).__name__}: {exc}")

    def _give_up(self, message: Any, fault: str) -> None:
        """Keep the message as a dead letter, or requeue it in an outage."""
        body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
        found = unreadable(message.properties)
        letter = (
            unreadable_dead_letter(body, found) if found else Rejected(body, Reason.INVALID, fault)
        )
        logger.warning("not a task of this service: %s", fault)
        try:
            self.app.give_up(letter)  # type: ignore[attr-defined]  # see cluster/worker.py
        except Exception:
            logger.exception("it cannot be kept now and goes back to its queue")
            self.hub.call_later(REQUEUED_AFTER, self._requeue, message)
        else:
            message.ack_log_error(logger, self.connection_errors)

    def _requeue(self, message: Any) -> None:
        message.reject_log_error(logger, self.connection_errors, requeue=True)

    def ensure_connected(self, conn: Any) -> Any:
        address = self.app.broker_address  # type: ignore[attr-defined]  # see make_app

        def report(error: Exception, interval: float) -> None:
            logger.warning("no broker yet (%s); trying again in %.1f s", error, interval)
            conn.switch(address())

        conn.switch(address())  # the present address: it may have changed since the worker began

        return conn.ensure_connection(
            report, None, interval_start=0.1, interval_step=0.2, interval_max=1.0
        )
