"""The watchdog's process: `python -m chaos.watchdog`.

With `--all` it heals everything armed, expired or not, and ends. `up` runs it so before
all other processes, for a platform that was stopped while something was broken.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

from chaos.drivers.driver import DriverError, choose_driver
from chaos.faults.engine import Engine
from chaos.faults.healed import WATCHDOG, HealedLog
from chaos.watchdog.replacement import NAME, Replacement
from chaos.watchdog.stuck_broker import StuckBroker
from chaos.watchdog.watchdog import Watchdog
from cluster.health.armed_faults import ArmedFaults
from cluster.health.observer.client import latest
from cluster.sign_of_life import SignOfLife
from config import logs

LOOK: Final = 0.25  # seconds between two rounds
START_PATIENCE: Final = 20.0  # seconds that `--all` tries for
log = logging.getLogger("watchdog")


def main() -> int:
    logs.configure()
    if sys.argv[1:] == ["--all"]:
        return _heal_all()
    watchdog = Watchdog(armed=ArmedFaults(), make_engine=Engine)
    stuck_broker = StuckBroker(ArmedFaults())
    sign = SignOfLife("watchdog")
    replacement = Replacement(
        restart=lambda process: choose_driver().restart(process),
        note=lambda worker, words: HealedLog().note_repair(fault=NAME, target=worker, words=words),
    )
    log.info("watching %s", ArmedFaults().folder)
    while True:
        try:
            watchdog.look()
            snapshot = latest()
            stuck_broker.look(snapshot)
            replacement.look(snapshot)
        except (OSError, DriverError) as error:  # a disk that is full or away: try again
            log.warning("cannot look: %s", error)
        sign.give()
        time.sleep(LOOK)


def _heal_all() -> int:
    healings = Engine().heal_each(by=WATCHDOG, patience=START_PATIENCE)
    for one in healings:
        print(f"{one.armed.fault} on {one.armed.target}: {one.words}")
    return 0 if all(one.healed for one in healings) else 1


if __name__ == "__main__":
    sys.exit(main())
