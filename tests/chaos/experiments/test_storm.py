"""A seed gives a storm or a campaign the same faults at the same moments each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaos.experiments.campaign import storms, turns
from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.document import as_document
from chaos.experiments.experiment import Family
from chaos.experiments.storm import FEWEST, LARGEST_SEED, LASTS, MOST, storm_steps
from chaos.faults.registry import fault_named

seeds = st.integers(min_value=0, max_value=LARGEST_SEED)


@given(seed=seeds)
def test_a_seed_gives_one_storm_and_no_other(seed: int) -> None:
    storm = EXPERIMENTS["storm"]
    assert storm_steps(seed) == storm_steps(seed)
    assert as_document(storm, seed) == as_document(storm, seed)


@given(seed=seeds)
def test_a_storm_stays_within_its_time_and_the_catalogue(seed: int) -> None:
    steps = storm_steps(seed)
    assert FEWEST <= len(steps) <= MOST
    assert steps[0].at == 0.0
    assert all(step.ends <= LASTS for step in steps)
    for step in steps:
        fault_named(step.fault).check(step.target, step.parameters)


@given(seed=seeds)
def test_no_target_suffers_the_same_fault_twice_in_a_storm(seed: int) -> None:
    steps = storm_steps(seed)
    assert len({(step.fault, step.target) for step in steps}) == len(steps)


def test_seeds_make_different_storms() -> None:
    assert len({str(storm_steps(seed)) for seed in range(50)}) > 45


@given(seed=seeds)
def test_a_round_of_a_campaign_holds_every_experiment_once(seed: int) -> None:
    planned = turns(seed=seed, rounds=2)
    assert planned == turns(seed=seed, rounds=2)
    first, second = planned[: len(EXPERIMENTS)], planned[len(EXPERIMENTS) :]
    for one_round in (first, second):
        assert {turn.experiment.name for turn in one_round} == set(EXPERIMENTS)
    assert all((turn.seed is None) != turn.experiment.seeded for turn in planned)


def test_a_campaign_can_be_of_one_family_or_of_storms() -> None:
    assert {turn.experiment.family for turn in turns(seed=1, rounds=1, only=Family.PAUSES)} == {
        Family.PAUSES
    }
    planned = storms(seed=5, count=20)
    assert len({turn.seed for turn in planned}) == 20
    assert planned == storms(seed=5, count=20)
