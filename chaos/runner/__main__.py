"""Run the runner: python -m chaos.runner."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

from config import environment, logs


def main() -> None:
    """Serve the queue of experiments until SIGTERM."""
    environment.name_settings()
    import django

    django.setup()
    logs.configure()
    signal.signal(signal.SIGTERM, _leave)
    from chaos.experiments.run import Interrupted
    from chaos.runner.runner import Runner

    try:
        Runner().serve()
    except Interrupted as error:
        # The next runner finds the run and records its end.
        logging.getLogger(__name__).warning("%s", error)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
