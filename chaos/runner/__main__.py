"""Run the runner: python -m chaos.runner."""

from __future__ import annotations

import logging
import signal

from config import environment, logs


def main() -> None:
    """Serve the queue of experiments until SIGTERM."""
    environment.name_settings()
    import django

    django.setup()
    logs.configure()
    from chaos.experiments.run import Interrupted
    from chaos.runner.execution import leave
    from chaos.runner.runner import Runner

    signal.signal(signal.SIGTERM, leave)

    try:
        Runner().serve()
    except Interrupted as error:
        # The next runner finds the run and records its end.
        logging.getLogger(__name__).warning("%s", error)


if __name__ == "__main__":
    main()
