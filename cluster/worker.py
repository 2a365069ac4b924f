"""A service's process: a Celery worker that consumes its inbox and runs its scheduled work.

    python -m cluster.worker SERVICE [REPLICA]

Of several workers of a service, the setting REPLICAS, each gets its number (from 1). It imports no
Django, so that a killed worker is back in about a second.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from celery import bootsteps
from celery.signals import setup_logging

from cluster.celery_app import make_app, task_queue
from cluster.health.closing import scheduled_work
from cluster.health.progress import SILENT_AFTER, claim_detail
from cluster.messaging import heartbeats
from cluster.messaging.consumer import InboxStep, QueueConsumer, StandIn
from cluster.messaging.dead_letters import Rejected
from cluster.messaging.inbox import Inbox
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.sabotage import inbox_class
from cluster.messaging.service import Service, Sink
from cluster.messaging.streams import count
from cluster.messaging.system_events import CredentialsRotated, announce
from cluster.messaging.topology import partition_queues
from cluster.messaging.work import Scheduled, UnitOfWork
from cluster.secrets.addresses import broker_address
from cluster.secrets.postgres import Database, DatabaseSession, is_outage
from cluster.services import load
from compose.replicas import worker_names
from config import logs

logger = logging.getLogger(__name__)


class Runtime:
    """The parts of one worker process: its service, its database session and its inbox."""

    def __init__(self, service: Service, replica: int = 1) -> None:
        self.service = service
        self.workers = worker_names(service.name)
        self.process = self.workers[replica - 1]
        self.session = DatabaseSession(Database(service.name))
        self.inbox = inbox_class()(service, self.session)
        self.sink: Sink = service.journal(self.session) if service.journal else self.inbox
        self.stand_ins: list[StandIn] = []
        self.consumers = self._consumers(replica)
        self._generation = 0
        self._beaten_at = self._worked_at = time.monotonic()
        self._redelivered = 0  # the number of redeliveries that the database has counted

    def run(self, scheduled: Scheduled) -> None:
        """Do scheduled work in one transaction, with the messages it announces."""
        self._worked_at = time.monotonic()  # its queue has moved, even if the work fails
        with unit_of_work(self.session, source=self.service.name) as work:
            scheduled.run(work)

    def beat(self) -> None:
        """Record that this process lives, whether it consumes, and which credentials it uses.

        Redeliveries by the broker are counted here too: a worker that dies loses at most the count
        of one beat.
        """
        for stand_in in self.stand_ins:
            stand_in.hand_back()
        if time.monotonic() - self._beaten_at > SILENT_AFTER:
            # Paused, or without its database, so deliveries that waited here meanwhile could not
            # move.
            for consumer in self.consumers:
                consumer.excuse()
        try:
            redelivered = sum(consumer.redelivered for consumer in self.consumers)
            with unit_of_work(self.session, source=self.service.name) as work:
                heartbeats.dismiss_workers(work, but=self.workers)
                heartbeats.beat(
                    work, self.process, consuming=self._consuming(), detail=self._detail()
                )
                if redelivered > self._redelivered:
                    count(work, "redelivered", redelivered - self._redelivered)
                self._announce_rotation(work)
            self._redelivered = redelivered
            self._beaten_at = time.monotonic()
            self.inbox.apply_parked()
        except psycopg.Error as error:
            if not is_outage(error):
                raise
            logger.warning("no heartbeat: %s", error)

    def _consumers(self, replica: int) -> list[QueueConsumer]:
        """Return the consumers of this worker, with the most important queue first."""
        sink = self.sink
        dead = QueueConsumer(self.service.dead_queue, _GivenUp(self.inbox))
        partitions = partition_queues(self.service, len(self.workers))
        if not partitions:
            return [QueueConsumer(self.service.queue, sink), dead]
        own = QueueConsumer(partitions[replica - 1], sink)
        others = [*partitions[replica:], *partitions[: replica - 1]]
        self.stand_ins = [StandIn(queue, sink) for queue in others]
        # Messages from before there were partitions, and dead letters that are replayed.
        addressed = [QueueConsumer(self.service.queue, sink)] if replica == 1 else []
        return [own, *self.stand_ins, *addressed, dead]

    def _consuming(self) -> bool:
        return all(consumer.consuming for consumer in self.consumers)

    def _detail(self) -> dict[str, Any]:
        now = time.monotonic()
        return {
            "pid": os.getpid(),
            "waiting": sum(consumer.waiting for consumer in self.consumers),
            "queues": {
                **{
                    one.queue: claim_detail(held=one.held(), settled=now - one.settled_at)
                    for one in self.consumers
                },
                self.service.task_queue: claim_detail(held=None, settled=now - self._worked_at),
            },
        }

    def _announce_rotation(self, work: UnitOfWork) -> None:
        credentials = self.session.database.current()
        if self._generation and credentials.generation != self._generation:
            notice = CredentialsRotated(
                process=self.process,
                username=credentials.username,
                generation=credentials.generation,
            )
            announce(work, notice, None)
        self._generation = credentials.generation


class _GivenUp:
    """The sink of the dead-letter queue, by which everything there becomes a row."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def apply(self, bodies: Sequence[bytes], _arrivals: Sequence[int] = ()) -> None:
        self._inbox.file_given_up(bodies)

    def give_up(self, letter: Rejected) -> None:
        self._inbox.give_up(letter)


class HeartbeatStep(bootsteps.StartStopStep):
    """Beats from inside the event loop, so that a loop that is stuck stops beating."""

    requires = (InboxStep,)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        runtime: Runtime = parent.app.runtime
        # The first beat at once: it shows that a worker is back, and since when.
        parent.hub.call_soon(runtime.beat)
        self._timer = parent.hub.call_repeatedly(heartbeats.EVERY, runtime.beat)

    def stop(self, _parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    shutdown = stop


def build(service: Service, broker_url: Callable[[], str], *, replica: int = 1) -> Any:
    """Return the worker's Celery app, with its runtime, its steps and its scheduled tasks."""
    runtime = Runtime(service, replica)
    app: Any = make_app(broker_url)
    app.conf.task_queues = [task_queue(service.task_queue)]
    app.conf.task_default_queue = service.task_queue
    app.runtime = runtime
    app.service, app.partitions = service, len(runtime.workers)
    app.queue_consumers = runtime.consumers
    periodic = scheduled_work(service)
    app.scheduled_tasks = frozenset(scheduled.name for scheduled in periodic)
    app.give_up = runtime.sink.give_up
    app.steps["consumer"].add(InboxStep)
    app.steps["consumer"].add(HeartbeatStep)
    for scheduled in periodic:
        _register(app, runtime, scheduled)
    return app


def _register(app: Any, runtime: Runtime, scheduled: Scheduled) -> None:
    def run() -> None:
        try:
            runtime.run(scheduled)
        except psycopg.Error as error:
            if not is_outage(error):
                raise
            logger.warning("%s is left for the next time: %s", scheduled.name, error)

    app.task(name=scheduled.name)(run)


def main() -> None:
    """Work for the service named on the command line until SIGTERM."""
    service = load(sys.argv[1])
    service.check()
    replica = int(sys.argv[2]) if sys.argv[2:] else 1
    if not 1 <= replica <= len(worker_names(service.name)):
        sys.exit(f"{service.name} has no worker {replica}: see the setting REPLICAS.")
    app = build(service, broker_address(f"worker-{service.name}"), replica=replica)
    # Scheduled tasks run every second. Their results are in the database, not in the log.
    setup_logging.connect(lambda **_: None, weak=False)  # Celery then leaves logging alone
    logs.configure()
    for chatter in ("celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(chatter).setLevel(logging.WARNING)
    worker = app.Worker(
        pool="solo",
        hostname=f"{service.name}@{socket.gethostname()}.{os.getpid()}",
        queues=[service.task_queue],
        loglevel="INFO",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    app.runtime.session.database.close()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
