"""The recovery times of all recorded runs, experiment by experiment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.models import ExperimentRun, Incident
from chaos.reports.recoveries import aim_of, latest_interesting, recoveries
from chaos.safety.permits import typical_seconds
from cluster.messaging.envelope import new_message_id

pytestmark = pytest.mark.platform

LATER = datetime.now(UTC) + timedelta(days=1)  # than all other runs on this platform
NAME = "pause-openbao"  # an experiment that no test runs


@pytest.fixture(autouse=True)
def unblocked(platform: Any, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        Incident.objects.filter(title="of a test").delete()
        ExperimentRun.objects.filter(visitor="of a test").delete()


def keep(
    experiment: str = NAME,
    seconds: float | None = 1.0,
    *,
    passed: bool = True,
    compensated: int = 0,
    minutes: int = 0,
    origin: str = "",
) -> Incident:
    return Incident.objects.create(
        id=new_message_id(),
        experiment=experiment,
        title="of a test",
        summary="",
        process="",
        recorded_at=LATER + timedelta(minutes=minutes),
        revision="",
        passed=passed,
        recover_seconds=seconds,
        origin=origin,
        document={"figures": {"compensated": compensated}},
    )


def test_an_experiments_runs_have_a_median_quartiles_and_every_value() -> None:
    for minute, seconds in enumerate([4.0, 1.0, 3.0, 2.0, 5.0]):
        keep(seconds=seconds, minutes=minute)
    keep(seconds=None, passed=False, minutes=9)
    keep(seconds=99.0, origin="recorded on another machine")
    (found,) = [one for one in recoveries() if one.experiment == NAME]
    assert (found.runs, found.passed) == (6, 5)
    assert (found.lower_quartile, found.median, found.upper_quartile) == (2.0, 3.0, 4.0)
    assert found.longest == 5.0
    assert found.values == (4.0, 1.0, 3.0, 2.0, 5.0)


def test_one_run_is_its_own_median_and_none_has_no_figure() -> None:
    kept = keep(seconds=2.5)
    (found,) = [one for one in recoveries() if one.experiment == NAME]
    assert (found.lower_quartile, found.median, found.upper_quartile) == (2.5, 2.5, 2.5)
    kept.recover_seconds = None
    kept.save()
    (found,) = [one for one in recoveries() if one.experiment == NAME]
    assert (found.median, found.longest, found.values) == (None, None, ())


def test_the_incident_to_show_is_a_death_that_turned_checkouts_round() -> None:
    wanted = keep("kill-postgres-orders", compensated=3)
    keep("kill-rabbitmq", minutes=1)
    keep("kill-rabbitmq", compensated=2, passed=False, minutes=2)
    keep("kill-beat", compensated=9, minutes=3)
    keep("kill-rabbitmq", compensated=5, minutes=4, origin="recorded on another machine")
    assert latest_interesting() == wanted


def test_aims_are_set_for_kills() -> None:
    assert aim_of(EXPERIMENTS["kill-rabbitmq"]) == 15.0
    assert aim_of(EXPERIMENTS["kill-postgres-checkout"]) == 8.0
    assert aim_of(EXPERIMENTS["kill-worker-orders"]) == 3.0
    assert aim_of(EXPERIMENTS["kill-openbao"]) == 5.0
    assert aim_of(EXPERIMENTS["pause-redis"]) is None


def test_how_long_a_run_takes_is_measured_from_those_that_ended() -> None:
    for seconds in (20, 30, 40):
        ExperimentRun.objects.create(
            id=new_message_id(),
            experiment=NAME,
            rate=1.0,
            visitor="of a test",
            asked_by="visitor 4F2A",
            asked_at=LATER,
            state=ExperimentRun.ENDED,
            began_at=LATER,
            ended_at=LATER + timedelta(seconds=seconds),
        )
    assert typical_seconds().of(NAME) == 30.0
    assert typical_seconds().of("never run") > 0
