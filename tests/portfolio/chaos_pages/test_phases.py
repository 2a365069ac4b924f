"""The pages know every phase of a run, in its order, and none before the fault says it happened."""

from __future__ import annotations

from typing import get_args

import pytest

from cluster.health.running_experiment import Phase
from portfolio.chaos_pages.content.drill import DRILLS, Drill
from portfolio.chaos_pages.content.phases import NAMES, STATIONS


def test_there_is_a_station_for_each_phase_but_the_end() -> None:
    assert (*NAMES, "ended") == get_args(Phase)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.experiment)
def test_the_lessons_of_a_guided_run_pass_every_phase_in_order(drill: Drill) -> None:
    """`static/chaos/drill.js` takes the order of the phases from them."""
    assert tuple(phase for lesson in drill.lessons for phase in lesson.phases) == NAMES


def test_the_stations_before_the_fault_say_that_nothing_is_broken() -> None:
    before = [watch for phase, _, watch in STATIONS if phase in {"preparing", "steady before"}]
    assert all(watch.startswith("Nothing is broken yet") for watch in before)
