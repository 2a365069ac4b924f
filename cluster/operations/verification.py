"""Run the checkers over the running cluster."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.health.checkers.verify import Verdict, verify
from cluster.operations.queues import broker_connection, queue_depths
from cluster.services import load_all


def run_verify(*, wait: float) -> Verdict:
    """Check every invariant, after a wait for rest of up to `wait` seconds.

    See `verify`. Raises the errors of the broker, of Vault and of the databases.
    """
    services = load_all()
    with broker_connection() as connection:

        def ready() -> Mapping[str, int]:
            # The messages in a task queue belong to no checkout, and schedules refill it.
            depths = queue_depths(connection, services)
            return {q.name: q.ready for q in depths if not q.name.endswith(".tasks")}

        return verify(services, queues=ready, wait=wait)
