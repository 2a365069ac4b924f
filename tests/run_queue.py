"""The queue of experiments, kept still: what a test asks for there is not run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chaos.experiments.models import ExperimentRun, FaultSwitch
from chaos.runner.lock import RunLock


@pytest.fixture
def run_lock(platform: Any) -> Iterator[None]:
    """Hold the lock of runs, so that the runner starts none of those that are asked for."""
    lock = RunLock()
    lock.take(who="a test")
    yield
    lock.release()


@pytest.fixture
def empty_queue(run_lock: None, django_db_blocker: Any) -> Iterator[None]:
    """Empty the queue before and after the test, and remove the switch, inside `run_lock`."""
    with django_db_blocker.unblock():
        ExperimentRun.objects.all().delete()
        yield
        ExperimentRun.objects.all().delete()
        FaultSwitch.objects.all().delete()
