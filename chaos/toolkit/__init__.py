"""The stages of a run as Python providers for Chaos Toolkit's own command, `chaos run FILE`.

It calls functions by their names and passes no object from one to the next, so the stages are
the process's one object. The first activity opens them: it takes the runner's lock, checks the
same switch, and heals at the end of the process. The runner itself needs none of this.
"""

from __future__ import annotations

import atexit
import getpass
import logging
from functools import cache

from chaos.experiments.stages import Stages
from chaos.runner.lock import RunLock
from cluster.messaging.envelope import new_message_id
from config import environment


@cache
def stages() -> Stages:
    """Return the stages of this process's run."""
    environment.name_settings()
    import django

    django.setup()
    from chaos.experiments import repository

    repository.require_allowed()
    actor = f"{getpass.getuser()}, by chaos run"
    log = logging.getLogger("chaostoolkit")
    lock = RunLock()
    lock.take(who=actor, waiting=lambda who: log.info("Waiting for %s to end", who))
    atexit.register(lock.release)
    opened = Stages(run=str(new_message_id()), actor=actor)
    atexit.register(opened.roll_back)
    return opened
