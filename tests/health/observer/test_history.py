"""The recoveries and durations that the history shows of recorded outages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cluster.health.observer.history import Recoveries, recoveries
from cluster.health.observer.models import Outage
from portfolio.templatetags.chaos import seconds as written

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def outage(process: str, seconds: float | None, cause: str = "killed by signal 9") -> Outage:
    ended = None if seconds is None else BEGAN + timedelta(seconds=seconds)
    return Outage(process=process, cause=cause, began=BEGAN, ended=ended)


def test_recoveries_are_told_by_process_the_most_frequent_first() -> None:
    outages = [outage("redis", 0.5), *(outage("web", each) for each in (1.0, 9.0, 2.0))]
    assert recoveries(outages) == [
        Recoveries(process="web", outages=3, median_seconds=2.0, longest_seconds=9.0),
        Recoveries(process="redis", outages=1, median_seconds=0.5, longest_seconds=0.5),
    ]


def test_what_lasts_or_was_wanted_is_no_recovery() -> None:
    outages = [outage("web", None), outage("web", 60.0, "paused"), outage("web", 9.0, "stopped")]
    assert recoveries(outages) == []


def test_durations_lose_their_tenths_when_they_are_long() -> None:
    assert [written(each) for each in (0.26, 99.9, 132.4)] == ["0.3 s", "99.9 s", "132 s"]
