"""`verify` under endless traffic: an invariant that failed once has to hold at a later look."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from cluster.health.checkers import verify as verifying
from cluster.health.checkers.checkpoint import Checkpoint, Extent
from cluster.health.checkers.finding import Counterexample, Finding, Outcome, conclude
from cluster.health.checkers.rest import Movement
from cluster.health.checkers.verify import Verdict, verify

INVARIANT = "stock conserved"
WAIT = 0.2  # seconds


class Traffic:
    """A platform with endless traffic: the failures at each look, and the ids in flight meanwhile.

    After the last look the failures stay the same.
    """

    def __init__(self, *looks: Sequence[str], in_flight: Sequence[str] = ()) -> None:
        self.taken = 0
        self._looks = looks
        self._in_flight = frozenset(in_flight)
        self._marks = iter(range(1_000_000))

    def examine(self, *_arguments: object) -> list[Finding]:
        failing = self._looks[min(self.taken, len(self._looks) - 1)]
        self.taken += 1
        violations = [Counterexample(f"{about} is wrong", about) for about in failing]
        return [conclude(INVARIANT, checked=9, violations=violations, at_rest=True)]

    def look(self, _queues: object) -> Movement:
        return Movement((), self._in_flight or frozenset({"another"}), (str(next(self._marks)),))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_databases() -> AbstractContextManager[None]:
        return nullcontext()

    monkeypatch.setattr(verifying, "Snapshots", no_databases)
    monkeypatch.setattr(verifying, "REST_WITHIN", 0.0)


def verdict_under(traffic: Traffic, monkeypatch: pytest.MonkeyPatch, *, by: str = "") -> Verdict:
    monkeypatch.setattr(verifying, "examine", traffic.examine)
    monkeypatch.setattr(verifying, "_look", traffic.look)
    monkeypatch.setattr(verifying, "recently_touched", lambda _snapshots, within: frozenset())
    return verify((), queues=dict, wait=WAIT, by=by)


def test_what_failed_once_and_held_later_is_no_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = Traffic(["a"], ["b"], in_flight=["b"])

    verdict = verdict_under(traffic, monkeypatch)

    assert (verdict.clean, traffic.taken) == (True, 2)
    assert "Left aside, still in flight: 1." in verdict.findings[0].sentence


def test_what_fails_at_every_look_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = verdict_under(Traffic(["a", "b"], ["a", "c"], in_flight=["b", "c"]), monkeypatch)

    [finding] = verdict.findings
    assert finding.outcome is Outcome.FAIL
    assert [violation.about for violation in finding.violations] == ["a"]


def test_what_is_in_flight_all_the_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = Traffic(["slow"], ["slow"], ["slow"], [], in_flight=["slow"])

    verdict = verdict_under(traffic, monkeypatch)

    assert (verdict.clean, traffic.taken) == (True, 4)
    assert verdict.findings[0].outcome is Outcome.OK


def test_what_fails_anew_and_is_not_in_flight_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = verdict_under(Traffic(["a"], ["lost"], in_flight=["b"]), monkeypatch)

    assert [violation.about for violation in verdict.findings[0].violations] == ["lost"]


def test_what_concerns_no_saga_cannot_be_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = verdict_under(Traffic([""], ["a"], [""], in_flight=["a"]), monkeypatch)

    # The second look decides, since the ids in flight explain its failure. The first failure was of
    # totals, which no id in flight explains.
    assert verdict.clean
    assert not verdict_under(Traffic([""], in_flight=["a"]), monkeypatch).clean


class Found:
    """What a search has found in databases without a row."""

    def checkpoint(self, *, by: str, pending: Collection[str] = ()) -> Checkpoint:
        return Checkpoint(
            at=0.0,
            by=by,
            salt=0,
            positions={},
            tables={},
            journal=Extent(0, 0),
            pending=sorted(pending),
        )


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "search_all", lambda _snapshots: Found())


@pytest.mark.usefixtures("searched")
def test_a_checkpoint_names_what_was_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = verdict_under(Traffic(["a"], ["b"], in_flight=["b"]), monkeypatch, by="a test")

    assert verdict.clean
    assert verdict.checkpoint is not None
    assert (verdict.checkpoint.by, verdict.checkpoint.pending) == ("a test", ["b"])


@pytest.mark.usefixtures("searched")
def test_a_verdict_with_a_violation_has_no_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = verdict_under(Traffic(["a"], ["a"], in_flight=["b"]), monkeypatch, by="a test")

    assert not verdict.clean
    assert verdict.checkpoint is None
