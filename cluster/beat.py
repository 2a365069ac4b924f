"""The clock of the cluster: sends each service's scheduled tasks when they are due.

python -m cluster.beat
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from amqp import AMQPError
from celery import Celery
from celery.beat import Scheduler, SchedulingError
from celery.schedules import schedule as intervals
from celery.signals import setup_logging
from kombu.exceptions import OperationalError

from cluster.celery_app import make_app, task_queue
from cluster.health.closing import scheduled_work
from cluster.messaging.topology import QUEUES, addressed
from cluster.secrets.addresses import broker_address
from cluster.secrets.vault import SecretsError
from cluster.services import load_all
from cluster.sign_of_life import SignOfLife
from config import logs

logger = logging.getLogger(__name__)

BEGAN: Final = datetime(2000, 1, 1, tzinfo=UTC)  # any moment will do: only differences count
# Errors of the broker, of the way to it, or of Vault with its password, and not of the task.
BROKER_AWAY: Final = (OperationalError, AMQPError, OSError, SecretsError)


class Clock(Scheduler):
    """Celery's scheduler in memory, since nothing needs to survive, with a sign of life.

    The sign means that the broker took the last task, and that the loop runs.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._sending = False  # whether the last task could be sent
        self._refused = False  # whether the broker is away, and the log says so
        self._sign = SignOfLife("beat")
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Make every task due at the start, since the time without a clock is unknown."""
        super().setup_schedule()
        for name, declared in self.app.conf.beat_schedule.items():
            entry = self.schedule[name]
            entry.last_run_at = entry.default_now() - declared["schedule"].run_every

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one task, logging an outage of the broker once, however many tasks it costs.

        Celery's own method logs two stack traces for each.
        """
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            self._sending = False
            if isinstance(error.__context__, BROKER_AWAY):
                self._note_refusal(error.__context__)
            else:
                logger.exception("%s cannot be sent", entry.name)
        else:
            self._sending, self._refused = True, False

    def _ensure_connected(self) -> Any:
        """Return the connection that tasks are sent on, trying until it is there."""
        return self.connection.ensure_connection(
            lambda error, _interval: self._note_refusal(error),
            self.app.conf.broker_connection_max_retries,
        )

    def _note_refusal(self, error: BaseException) -> None:
        if not self._refused:
            self._refused = True
            words = " ".join(str(error).split())
            logger.warning("the broker takes no tasks, and is tried until it does: %s", words)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        pause = super().tick(*args, **kwargs)
        if self._sending:
            self._sign.give()
        return pause


def schedule() -> dict[str, dict[str, Any]]:
    """Return every service's periodic work, in Celery's form.

    A task that was not taken within its period expires: after an outage each runs once, not once
    for every period that was missed.
    """
    return {
        scheduled.name: {
            "task": scheduled.name,
            "schedule": intervals(scheduled.every, nowfun=_steady_now),
            "options": {
                "queue": service.task_queue,
                "exchange": QUEUES,
                "routing_key": addressed(scheduled.name, service.task_queue),
                "expires": max(scheduled.every, 1.0),
            },
        }
        for service in load_all()
        for scheduled in scheduled_work(service)
    }


def _steady_now() -> datetime:
    """Return the time since the start as a moment, whatever was done to the wall clock.

    By the wall clock nothing would be due for an hour after it was set back by one.
    """
    return BEGAN + timedelta(seconds=time.monotonic())


def build(broker_url: Callable[[], str]) -> Celery:
    """Return the beat's Celery app."""
    app = make_app(broker_url)
    app.conf.beat_schedule = schedule()
    app.conf.beat_scheduler = "cluster.beat:Clock"
    app.conf.beat_max_loop_interval = 1.0
    app.conf.task_queues = [task_queue(service.task_queue) for service in load_all()]
    return app


def main() -> None:
    """Send tasks until SIGTERM."""
    setup_logging.connect(lambda **_: None, weak=False)  # Celery then leaves logging alone
    logs.configure()
    app = build(broker_address("beat"))
    app.Beat(loglevel="INFO", quiet=True).run()


if __name__ == "__main__":
    main()
