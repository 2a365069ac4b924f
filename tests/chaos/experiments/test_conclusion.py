"""A run has passed only when nothing deviated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chaos.experiments.catalogue import experiment
from chaos.experiments.conclusion import Evidence
from chaos.experiments.conclusion import conclude as conclude_run
from chaos.experiments.incident import Followed, Injection, Offered, read_incident
from chaos.experiments.recording import Recording, told
from cluster.health.checkers.finding import Counterexample, conclude, unknown
from cluster.health.checkers.verify import Verdict
from cluster.health.observer.snapshot import OutageSpan
from cluster.storefront.repository import CheckoutRow

START = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CHECKOUT = UUID("01a21590-0000-7000-8000-000000000001")
HELD = conclude("money conserved", checked=3, violations=[], sentence="It is.")
BROKEN = conclude(
    "money conserved", checked=3, violations=[Counterexample("a penny is gone")], sentence="It is."
)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(process: str, ended: float | None = 1.0) -> OutageSpan:
    return OutageSpan(
        id=process,
        process=process,
        service=None,
        cause="killed (SIGKILL)",
        began=told(START),
        ended=None if ended is None else told(after(ended)),
    )


def checkout(status: str, ended: datetime | None) -> CheckoutRow:
    order = ("a visitor", "MUG-ENAMEL", 1, 100, "tok_ok", "success")
    return CheckoutRow(CHECKOUT, *order, after(0.5), status, "", ended)


def evidence(name: str = "kill-redis") -> Evidence:
    """Return the evidence of a run in which nothing deviated."""
    chosen = experiment(name)
    recording = Recording(chosen, chosen.steps, cut_short=lambda _reason: None)
    recording.moments |= {
        "injected": START,
        "detected": after(0.2),
        "recovered": after(1.5),
        "consistent": after(1.0),
        "verified": after(9.0),
    }
    recording.outages[chosen.process] = span(chosen.process)
    state = checkout("completed", after(2.0))
    return Evidence(
        identifier="01a21590-0000-7000-8000-000000000002",
        experiment=chosen,
        recording=recording,
        actor="a test",
        seed=None,
        rate=3.0,
        ended=after(8.0),
        verdict=Verdict((HELD,), at_rest=True, moving="", seconds=1.0),
        hypothesis_met=True,
        offered=Offered(profile="steady", handed_in=1, accepted=1, refused=0),
        states={CHECKOUT: state},
        followed=followed(),
    )


def followed(**changes: Any) -> Followed:
    seen: dict[str, Any] = {
        "first_seq": 1,
        "last_seq": 9,
        "events": 9,
        "repeated": 0,
        "missing": 0,
        "reconnects": 0,
        "whole": True,
    }
    return Followed(**{**seen, **changes})


def test_a_run_without_a_deviation_has_passed() -> None:
    document = conclude_run(evidence())
    assert (document.status, document.passed, document.deviations) == ("passed", True, [])
    assert document.figures.recover_seconds == 1.5
    assert document.figures.drain_seconds == 2.0
    assert document.figures.consistent_seconds == 2.0  # counted until the last checkout has ended
    assert document.summary == (
        "It was back after 1.5 s. Of 1 checkouts 1 completed, 0 were compensated. "
        "No money, stock or message was lost."
    )
    assert read_incident(document.as_json()) == document


def test_a_compensation_is_the_faults_if_a_deadline_was_missed_that_nobody_asked_to_miss() -> None:
    one = evidence()
    missed = checkout("compensated", after(2.0))._replace(reason="no answer within 10 s")
    ended = [
        checkout("completed", after(2.0)),
        missed,
        missed._replace(reason="reservation expired"),
        missed._replace(requested_outcome="provider-silent"),
        missed._replace(reason="sold out"),
    ]
    one.offered = Offered(profile="mixed", handed_in=5, accepted=5, refused=0)
    one.states = {UUID(int=number): state for number, state in enumerate(ended)}
    document = conclude_run(one)
    assert document.figures.compensated_by_fault == 2
    assert "1 completed, 4 were compensated (2 of them because of the fault)." in document.summary


def violated(one: Evidence) -> None:
    one.verdict = Verdict((BROKEN,), at_rest=True, moving="", seconds=1.0)


def undecided(one: Evidence) -> None:
    finding = unknown("stock conserved", because="the catalog is away")
    one.verdict = Verdict((HELD, finding), at_rest=False, moving="", seconds=1.0)


def unexamined(one: Evidence) -> None:
    one.verdict = None


def empty_verdict(one: Evidence) -> None:
    one.verdict = Verdict((), at_rest=True, moving="", seconds=1.0)


def nothing_accepted(one: Evidence) -> None:
    one.offered = Offered(profile="steady", handed_in=1, accepted=0, refused=1)
    one.states = {}


def another_died(one: Evidence) -> None:
    one.recording.outages["worker-orders"] = span("worker-orders")


def still_away(one: Evidence) -> None:
    one.recording.outages["redis"] = span("redis", ended=None)


def unseen(one: Evidence) -> None:
    one.recording.outages.clear()


def not_recovered(one: Evidence) -> None:
    del one.recording.moments["recovered"]


def unfinished(one: Evidence) -> None:
    one.states = {CHECKOUT: checkout("accepted", None)}


def not_steady_after(one: Evidence) -> None:
    one.hypothesis_met = False


def gap_in_the_stream(one: Evidence) -> None:
    one.followed = followed(missing=2, whole=False)


def nobody_followed(one: Evidence) -> None:
    one.followed = None


def method_failed(one: Evidence) -> None:
    one.troubles = ["It failed to inject kill-process into redis: no supervisor"]


def never_healed(one: Evidence) -> None:
    one.recording.injections["x"] = Injection(
        fault="pause-process", target="redis", injected_at=told(START), words="", seconds=8.0
    )


@pytest.mark.parametrize(
    ("spoil", "told_as"),
    [
        (violated, "Violated: money conserved"),
        (undecided, "Undecided: stock conserved"),
        (unexamined, "not examined"),
        (empty_verdict, "not examined"),
        (nothing_accepted, "Not exercised: no checkout was accepted"),
        (another_died, "worker-orders, outside the blast radius"),
        (still_away, "redis is still away"),
        (unseen, "did not see redis go"),
        (not_recovered, "had not recovered"),
        (unfinished, "1 accepted checkouts have not ended"),
        (not_steady_after, "steady state did not hold"),
        (gap_in_the_stream, "missed 2 events"),
        (nobody_followed, "No client followed"),
        (method_failed, "It failed to inject"),
        (never_healed, "Nobody has healed"),
    ],
)
def test_anything_unexpected_is_a_deviation(
    spoil: Callable[[Evidence], None], told_as: str
) -> None:
    one = evidence()
    spoil(one)
    document = conclude_run(one)
    assert (document.status, document.passed) == ("deviated", False)
    assert any(told_as in deviation for deviation in document.deviations), document.deviations
    assert "No money, stock or message was lost" not in document.summary


def test_a_run_that_was_cut_short_says_why_and_has_not_passed() -> None:
    one = evidence()
    one.cut_short = "its visitor wanted it to stop"
    document = conclude_run(one)
    assert (document.status, document.passed) == ("aborted", False)
    assert document.summary.startswith("It was cut short: its visitor wanted it to stop.")


def test_what_lasts_is_told_from_its_heal_and_from_its_injection() -> None:
    one = evidence("pause-redis")
    one.recording.moments |= {"healed": after(8.0), "recovered": after(8.6)}
    figures = conclude_run(one).figures
    assert (figures.recover_seconds, figures.recover_after_heal_seconds) == (8.6, 0.6)


def test_a_first_success_is_of_a_checkout_that_was_accepted_after_the_fault() -> None:
    assert conclude_run(evidence()).figures.first_success_seconds is None
