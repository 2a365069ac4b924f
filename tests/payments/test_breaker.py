"""The circuit breaker decides when a call to the provider may go out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.payments.domain.breaker import Breaker, Circuit


def failing(times: int, *, at: float = 0.0) -> Breaker:
    breaker = Breaker(threshold=3, first_pause=1.0, longest_pause=6.0)
    for _ in range(times):
        breaker = breaker.failed(at)
    return breaker


def test_a_closed_circuit_lets_calls_out_at_once() -> None:
    assert Breaker().circuit(0.0) is Circuit.CLOSED
    assert Breaker().pause(0.0) == 0.0


def test_failures_double_the_pause_up_to_its_cap() -> None:
    assert [failing(times).pause(0.0) for times in (1, 2, 3, 4, 5)] == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_the_circuit_opens_at_the_threshold_and_half_opens_after_the_pause() -> None:
    breaker = failing(3, at=10.0)
    assert failing(2).circuit(0.0) is Circuit.CLOSED
    assert breaker.circuit(13.9) is Circuit.OPEN
    assert breaker.circuit(14.0) is Circuit.HALF_OPEN


def test_a_failed_trial_opens_it_again() -> None:
    assert failing(3).failed(4.0).circuit(9.9) is Circuit.OPEN


def test_an_answered_trial_closes_it() -> None:
    breaker = failing(9).succeeded()
    assert breaker.circuit(0.0) is Circuit.CLOSED
    assert breaker.pause(0.0) == 0.0


@given(st.integers(0, 5000))
def test_however_long_the_provider_is_away_the_next_attempt_is_near(failures: int) -> None:
    assert failing(failures).pause(0.0) <= 6.0
