"""Findings, and the violations that are set aside while messages are in flight."""

from __future__ import annotations

from cluster.health.checkers.finding import (
    Counterexample,
    Finding,
    Outcome,
    conclude,
    excuse,
    unknown,
)


def failing(*about: str, at_rest: bool = True, partial: bool = False) -> Finding:
    return conclude(
        "no orphan hold",
        checked=100,
        violations=[Counterexample(f"hold {id_}", id_) for id_ in about],
        sentence="None.",
        at_rest=at_rest,
        partial=partial,
    )


def test_ten_counterexamples_are_shown_and_all_are_counted() -> None:
    document = failing(*map(str, range(25))).as_json()
    assert len(document["counterexamples"]) == 10
    assert document["violations"] == 25


def test_what_is_in_flight_is_set_aside() -> None:
    judged = excuse(failing("a", "b"), in_flight={"a", "b"}, backlog=False)
    assert (judged.outcome, judged.unknown) == (Outcome.INFO, False)
    assert judged.sentence == "None. Left aside, still in flight: 2."


def test_what_is_not_in_flight_stays_a_violation() -> None:
    judged = excuse(failing("a", "b"), in_flight={"a"}, backlog=False)
    assert judged.outcome is Outcome.FAIL
    assert judged.counterexamples == ["hold b"]


def test_with_a_backlog_the_rest_is_unknown() -> None:
    judged = excuse(failing("a", "b"), in_flight={"a"}, backlog=True)
    assert (judged.outcome, judged.unknown) == (Outcome.INFO, True)


def test_violations_that_were_not_read_cannot_be_set_aside() -> None:
    judged = excuse(failing("a", partial=True), in_flight={"a"}, backlog=False)
    assert judged.unknown


def test_what_holds_at_every_moment_is_never_excused() -> None:
    always = failing("a", at_rest=False)
    assert always == excuse(always, in_flight={"a"}, backlog=True)


def test_an_invariant_that_could_not_be_looked_at_is_unknown() -> None:
    finding = unknown("ledger matches the provider", because="the provider does not answer")
    assert finding.as_json()["unknown"] is True
