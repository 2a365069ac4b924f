"""The process of one relay.

python -m cluster.relay SERVICE
"""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

from cluster.messaging.fault_injection import FaultInjection
from cluster.messaging.relay import Relay
from cluster.messaging.sabotage import publisher_class
from cluster.secrets.addresses import broker_address
from cluster.secrets.postgres import Database
from config import logs

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the relay of the service named on the command line."""
    logs.configure()
    service = sys.argv[1]
    database = Database(service)
    relay = Relay(
        database,
        broker_address(f"relay-{service}"),
        publisher=publisher_class(),
        middleware=[FaultInjection()],
    )

    def stop(_signum: int, _frame: FrameType | None) -> None:
        relay.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    logger.info("relay of %s started", service)
    relay.run()
    database.close()


if __name__ == "__main__":
    main()
