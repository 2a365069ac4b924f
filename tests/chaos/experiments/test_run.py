"""The loop of a run: its stages in order, its baseline, and how it ends early."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chaos.experiments import run as module
from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.incident import Baseline, Followed, read_incident
from chaos.experiments.run import Interrupted, NotBegun, NotSteady, Run
from cluster.health.last_verdict import forget_verdict, keep_verdict, last_verdict
from cluster.storefront.checkout_intake import CheckoutOrder
from tests.chaos.experiments.staged import BROKEN, HELD, Staged, verdict_of

BROKEN_ONCE = ["begin load", "inject", "recovered", "end load", "checkouts ended"]
AFTERWARDS = ["steady", "verdict", "roll back"]


class Follower:
    """A client of a stream in which nothing happens."""

    def __init__(self, *, after: int) -> None:
        self.after = after

    def begin(self) -> None:
        """Follow nothing."""

    def end(self, *, reach: int, within: float) -> Followed:
        return Followed(
            first_seq=1,
            last_seq=reach,
            events=0,
            repeated=0,
            missing=0,
            reconnects=0,
            whole=True,
        )


@pytest.fixture(autouse=True)
def no_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))
    for name, value in {
        "CALM_BEFORE": 0.0,
        "CALM_AFTER": 0.0,
        "LEAST_CALM": 0.0,
        "SHOWN_FOR": 0.0,
        "StreamFollower": Follower,
        "last_seq": lambda: 1,
        "counted": dict,
        "events_between": lambda *_: [],
    }.items():
        monkeypatch.setattr(module, name, value)


def a_run(
    monkeypatch: pytest.MonkeyPatch, staged: Staged, name: str = "kill-redis", **given: Any
) -> Run:
    monkeypatch.setattr(module, "Stages", lambda **_: staged)
    return Run(EXPERIMENTS[name], rate=1.0, actor="a test", identifier=staged.run, **given)


def test_with_a_clean_verdict_nothing_is_read_before_the_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    staged = Staged()

    document = a_run(monkeypatch, staged).record()

    assert staged.done == ["steady", *BROKEN_ONCE, *AFTERWARDS]
    assert document.baseline is not None
    assert document.baseline.by == "cluster verify"
    assert 0 <= document.baseline.age_seconds < 60
    assert "by the verdict of cluster verify" in document.baseline.sentence
    assert read_incident(document.as_json()) == document


@pytest.mark.parametrize("kept", [None, verdict_of(BROKEN)])
def test_without_a_clean_verdict_the_invariants_are_read_first(
    monkeypatch: pytest.MonkeyPatch, kept: Any
) -> None:
    if kept is not None:
        keep_verdict(kept, by="cluster verify")
    staged = Staged()
    said: list[str] = []

    document = a_run(monkeypatch, staged, say=lambda _, words: said.append(words)).record()

    assert staged.done == ["steady", "verdict", *BROKEN_ONCE, *AFTERWARDS]
    assert any("No clean verdict is kept" in words for words in said)
    assert document.baseline is not None
    assert "was read before the fault" in document.baseline.sentence


def test_what_is_violated_before_is_not_broken_further(monkeypatch: pytest.MonkeyPatch) -> None:
    staged = Staged(verdicts=[verdict_of(BROKEN)])
    with pytest.raises(NotSteady, match="Violated or undecided: money conserved"):
        a_run(monkeypatch, staged).record()
    assert staged.done == ["steady", "verdict", "roll back"]


def test_a_violation_that_the_baseline_did_not_have_is_a_finding_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep_verdict(verdict_of(HELD), by="the run of kill-web")
    document = a_run(monkeypatch, Staged(verdicts=[verdict_of(BROKEN)])).record()
    assert document.status == "deviated"
    (violated,) = (one for one in document.deviations if one.startswith("Violated"))
    assert "money conserved" in violated
    assert "held at the baseline" in violated


def test_a_run_that_dies_leaves_no_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    staged = Staged(at={"begin load": lambda: kept.append(last_verdict())})
    kept: list[Any] = []
    a_run(monkeypatch, staged).record()
    assert kept == [None]


@pytest.mark.parametrize("name", ["kill-redis", "pause-redis", "storm", "flash-sale"])
def test_nothing_is_said_to_be_broken_before_it_is(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    monkeypatch.setattr(module, "timed", lambda steps: [(0.0, "inject", step) for step in steps])
    before: list[tuple[str, str]] = []
    said: list[tuple[str, str]] = []
    broken = "begin load" if name == "flash-sale" else "inject"
    staged = Staged(at={broken: lambda: before.extend(said) if not before else None})

    a_run(monkeypatch, staged, name, say=lambda *told: said.append(told)).record()

    *calm, last = before
    assert [phase for phase, _ in calm] == ["preparing", "steady before"]
    assert all(words.startswith("Nothing is broken yet.") for _, words in calm)
    assert last[0] == "injecting"
    assert "about to be injected" in last[1] or name == "flash-sale"
    assert list(dict.fromkeys(phase for phase, _ in said)) == [
        "preparing", "steady before", "injecting", "recovering", "draining", "verifying",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["kill-redis", "storm"])
def test_the_visitors_own_order_is_handed_in_once_just_before_the_first_fault(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    monkeypatch.setattr(module, "timed", lambda steps: [(0.0, "inject", step) for step in steps])
    monkeypatch.setattr(module, "order_of", lambda buyer: CheckoutOrder(visitor=buyer, sku="TEA"))
    staged = Staged()

    def follow(order: UUID) -> None:
        staged.note(f"follow {order}")

    a_run(monkeypatch, staged, name, buyer="visitor-1", follow=follow).record()

    _, _, followed, handed_in, first, *later = staged.done
    assert followed.removeprefix("follow ") == handed_in.removeprefix("hand in ")
    assert first == "inject"
    assert handed_in not in later


def test_a_run_without_a_visitor_has_no_order_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    staged = Staged()
    a_run(monkeypatch, staged).record()
    assert not [stage for stage in staged.done if stage.startswith("hand in")]


def fails() -> None:
    raise OSError("no supervisor")


def test_a_step_that_fails_is_a_deviation_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    staged = Staged(at={"inject": fails})
    document = a_run(monkeypatch, staged).record()
    assert staged.done[-6:] == ["recovered", "end load", "checkouts ended", *AFTERWARDS]
    assert "It failed to inject kill-process into redis: no supervisor" in document.deviations


def test_invariants_that_cannot_be_examined_are_a_deviation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    document = a_run(monkeypatch, Staged(at={"verdict": fails})).record()
    assert "The invariants were not examined." in document.deviations


@pytest.mark.parametrize("stop", [KeyboardInterrupt, sys.exit])
def test_a_signal_ends_the_run_and_heals(
    monkeypatch: pytest.MonkeyPatch, stop: Callable[[], object]
) -> None:
    def interrupt() -> None:
        if stop is KeyboardInterrupt:
            raise KeyboardInterrupt
        stop()

    staged = Staged(at={"recovered": interrupt})
    with pytest.raises(Interrupted):
        a_run(monkeypatch, staged).record()
    assert staged.done[-1] == "roll back"


def test_a_run_that_is_cut_short_breaks_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_verdict(verdict_of(HELD), by="cluster verify")
    staged = Staged()
    run = a_run(monkeypatch, staged)
    staged.at["begin load"] = lambda: run.cut_short("its visitor wanted it to stop")
    document = run.record()
    assert "inject" not in staged.done
    assert document.status == "aborted"
    assert document.summary.startswith("It was cut short: its visitor wanted it to stop.")


def test_a_run_that_is_cut_short_before_anything_broke_waits_for_no_steady_state() -> None:
    """No platform runs here, so a run that waited for the steady state would wait for minutes."""
    run = Run(EXPERIMENTS["storm"], rate=1.0, actor="a test", seed=1)
    run.cut_short("its visitor wanted it to stop")

    with pytest.raises(NotBegun, match="Nothing was broken: its visitor wanted it to stop"):
        run.record()


def test_the_last_verdict_is_kept_until_it_is_forgotten() -> None:
    assert last_verdict() is None
    keep_verdict(verdict_of(HELD), by="cluster verify")
    keep_verdict(verdict_of(BROKEN), by="the run of kill-web")
    kept = last_verdict()
    assert kept is not None
    assert (kept.by, kept.clean) == ("the run of kill-web", False)
    forget_verdict()
    assert last_verdict() is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(4.2, "4 s"), (119.0, "119 s"), (240.0, "4 minutes"), (9_000.0, "2 hours"), (3e5, "3 days")],
)
def test_the_age_of_a_baseline_is_told_in_a_unit_that_fits(seconds: float, told: str) -> None:
    baseline = Baseline(at="", by="cluster verify", age_seconds=seconds)
    assert f"held {told} before the run" in baseline.sentence
