"""One function waits for a condition and one tries again: nothing else in the product polls."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from chaos.watchdog.replacement import LONGEST_PAUSE, _Replaced
from compose.process import LONGEST_DELAY, Backoff
from config import waiting
from config.environment import ROOT
from config.waiting import back_off, constant, exponential, retry, wait_until
from tests.clock import Clock

# The loops that pause by themselves, and why: each is the main loop of a process or a thread, runs
# without a limit, or paces a load.
OWN_LOOPS = {
    "chaos/benchmarks/dual_write.py:_flow": "lets a writer live for a random time",
    "chaos/benchmarks/pipeline.py:run": "lets the machine settle before each measurement",
    "chaos/benchmarks/rotation.py:_revoke": "paces revocations",
    "chaos/benchmarks/rotation.py:_rotate": "paces rotations",
    "chaos/experiments/follower.py:_follow": "reconnects until it is ended",
    "chaos/links/proxy.py:_carry": "delays each piece of a slowed link",
    "chaos/links/proxy.py:serve": "main loop",
    "chaos/management/commands/chaos.py:_campaign": "rests between two experiments",
    "chaos/runner/lock.py:take": "waits without a limit, and names each holder",
    "chaos/runner/runner.py:serve": "main loop",
    "chaos/experiments/stages.py:recovered": "its end moves as long as the state lasts",
    "chaos/watchdog/__main__.py:main": "main loop",
    "cluster/health/observer/client.py:_follow": "main loop",
    "cluster/health/observer/consumer.py:_show": "paces a socket",
    "cluster/health/observer/server.py:_adopt": "goes on until the database answers",
    "cluster/health/observer/server.py:_observe": "main loop",
    "cluster/messaging/relay.py:run": "main loop",
    "cluster/operations/checkout_client.py:accept": "yields its progress, which moves its end",
    "cluster/payments/gateway/receiver.py:run": "main loop",
    "cluster/payments/gateway/reconciliation.py:run": "main loop",
    "cluster/payments/gateway/rotation.py:run": "main loop",
    "cluster/payments/gateway/sender.py:run": "main loop",
    "cluster/payments/gateway/server.py:_beat": "heartbeat",
    "cluster/storefront/stream/consumer.py:_bounds": "goes on until the visitor leaves",
    "cluster/storefront/stream/consumer.py:_stream": "main loop",
    "cluster/storefront/stream/tail.py:_follow": "main loop",
    "cluster/storefront/stream/wakes.py:run": "main loop",
    "compose/backups/schedule.py:keep_backing_up": "main loop",
    "compose/supervise.py:_trim_logs": "main loop",
    "compose/unsealer.py:main": "main loop",
    "config/waiting.py:retry": "the one home",
    "config/waiting.py:wait_until": "the one home",
    "portfolio/demos/scenarios/circuit_breaker.py:_come_in": "paces a load",
    "portfolio/demos/scenarios/circuit_breaker.py:_send_with": "paces a load",
    "portfolio/demos/scenarios/circuit_breaker.py:_send_without": "paces a load",
    "portfolio/demos/scenarios/rate_limiter.py:_over_the_edge": "paces a load",
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def one_after_another(*results: object) -> Callable[[], object]:
    """Return a function that returns these results in turn, or raises those that are errors."""
    left = iter(results)

    def act() -> object:
        result = next(left)
        if isinstance(result, Exception):
            raise result
        return result

    return act


class TestWaitUntil:
    def test_it_returns_the_first_true_value(self, clock: Clock) -> None:
        values = one_after_another(0, [], "found", "another")

        assert wait_until(values, within=5, every=0.5) == "found"
        assert clock.slept == [0.5, 0.5]

    def test_what_holds_is_for_the_caller_to_say(self, clock: Clock) -> None:
        values = one_after_another(1, 2, 3)

        found = wait_until(values, holds=lambda value: value != 1, within=5, every=0.5)

        assert found == 2
        assert len(clock.slept) == 1

    def test_it_asks_once_more_when_the_time_is_up(self, clock: Clock) -> None:
        asked_at: list[float] = []

        def never() -> None:
            asked_at.append(clock.now - 1_000)

        wait_until(never, within=1.0, every=0.4)

        assert asked_at == pytest.approx([0.0, 0.4, 0.8, 1.2])

    def test_without_time_it_asks_once(self, clock: Clock) -> None:
        assert wait_until(one_after_another("last"), holds=lambda _: False, within=0, every=1) == (
            "last"
        )
        assert wait_until(one_after_another(None), within=-3, every=1) is None
        assert clock.slept == []

    def test_late_it_returns_the_last_value(self, clock: Clock) -> None:
        values = one_after_another("first", "second", "third")

        assert wait_until(values, holds=lambda _: False, within=1, every=0.6) == "third"

    def test_late_it_raises_the_callers_failure(self, clock: Clock) -> None:
        failure = TimeoutError("It does not stop.")

        with pytest.raises(TimeoutError, match="It does not stop") as raised:
            wait_until(lambda: False, within=1, every=0.5, failure=failure)

        assert raised.value is failure
        assert sum(clock.slept) >= 1

    def test_an_error_ends_the_wait(self, clock: Clock) -> None:
        with pytest.raises(KeyError):
            wait_until(one_after_another(None, KeyError()), within=5, every=1, despite=OSError)

    def test_an_expected_error_is_no_value(self, clock: Clock) -> None:
        values = one_after_another(OSError(), None, OSError(), "found")

        assert wait_until(values, within=5, every=1, despite=OSError) == "found"
        assert len(clock.slept) == 3

    def test_late_an_expected_error_is_raised(self, clock: Clock) -> None:
        values = one_after_another(None, OSError("first"), OSError("second"))

        with pytest.raises(OSError, match="second"):
            wait_until(values, within=2, every=1, despite=(OSError, KeyError), failure=ValueError())


class TestRetry:
    def test_it_returns_what_succeeds_after_as_many_pauses_as_failures(self, clock: Clock) -> None:
        act = one_after_another(OSError(), OSError(), "done")

        assert retry(act, on=OSError, pauses=(0.1, 0.4, 1.0)) == "done"
        assert clock.slept == [0.1, 0.4]

    def test_it_raises_the_error_for_which_no_pause_is_left(self, clock: Clock) -> None:
        act = one_after_another(OSError("1"), OSError("2"), OSError("3"))

        with pytest.raises(OSError, match="3"):
            retry(act, on=OSError, pauses=(0.1, 0.4))

        assert clock.slept == [0.1, 0.4]

    def test_an_unexpected_error_uses_no_pause(self, clock: Clock) -> None:
        pauses = iter([0.1])

        with pytest.raises(KeyError):
            retry(one_after_another(KeyError()), on=OSError, pauses=pauses)

        assert list(pauses) == [0.1]
        assert clock.slept == []

    def test_a_function_may_decide_on_an_error(self, clock: Clock) -> None:
        act = one_after_another(OSError("again"), OSError("enough"))

        with pytest.raises(OSError, match="enough"):
            retry(act, on=lambda error: "again" in str(error), pauses=(1.0, 1.0))

        assert clock.slept == [1.0]

    def test_before_each_pause_and_only_then_the_caller_gets_the_error(self, clock: Clock) -> None:
        first, second = OSError("1"), OSError("2")
        told: list[tuple[Exception, int]] = []

        with pytest.raises(OSError, match="2"):
            retry(
                one_after_another(first, second),
                on=OSError,
                pauses=(0.1,),
                before_pause=lambda error: told.append((error, len(clock.slept))),
            )

        assert told == [(first, 0)]

    @pytest.mark.parametrize(
        ("pauses", "slept"),
        [
            (lambda: constant(0.4, within=1.0), [0.4, 0.4, 0.4]),
            (lambda: constant(0.4, within=0.0), []),
            (lambda: exponential(0.1, longest=0.3, within=1.0), [0.1, 0.2, 0.3, 0.3]),
            (lambda: exponential(0.5, longest=2.0, within=0.4), []),
        ],
    )
    def test_pauses_end_with_the_time(
        self, clock: Clock, pauses: Callable[[], Iterator[float]], slept: list[float]
    ) -> None:
        def fail() -> None:
            raise OSError

        with pytest.raises(OSError):  # noqa: PT011
            retry(fail, on=OSError, pauses=pauses())

        assert clock.slept == pytest.approx(slept)


def test_the_time_counts_from_when_the_pauses_are_asked_for(clock: Clock) -> None:
    pauses = constant(0.5, within=1.0)
    clock.now += 2.0  # the first attempt
    assert list(pauses) == []


def test_without_a_limit_pauses_do_not_end(clock: Clock) -> None:
    assert list(islice(exponential(0.1, longest=2.0), 3_000))[-1] == 2.0


def test_a_back_off_doubles_up_to_its_longest() -> None:
    assert [back_off(number, first=0.1, longest=1.0) for number in range(1, 7)] == pytest.approx(
        [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    )
    second = timedelta(seconds=1)
    assert back_off(3, first=second, longest=10 * second) == 4 * second


def test_no_number_of_failures_is_too_large_for_a_back_off() -> None:
    """2.0 to the power of 1024 is beyond a float: that many failures take 85 minutes."""
    assert back_off(100_000, first=0.1, longest=5.0) == 5.0
    assert back_off(100_000, first=timedelta(seconds=10), longest=timedelta(minutes=5)) == (
        timedelta(minutes=5)
    )
    assert Backoff(early_deaths=5_000).delay_after(0.1) == LONGEST_DELAY
    assert _Replaced(at=0.0, times=5_000).pause == LONGEST_PAUSE


def test_every_other_loop_that_pauses_is_known() -> None:
    """A new one waits by `wait_until` or `retry`, or is listed above with its reason."""
    assert set(_loops_that_pause()) == set(OWN_LOOPS)


def _loops_that_pause() -> Iterator[str]:
    packages = ("config", "compose", "cluster", "chaos", "articles", "portfolio")
    listed = subprocess.check_output(["git", "ls-files", *packages], cwd=ROOT, text=True)
    for path in (Path(line) for line in listed.splitlines() if line.endswith(".py")):
        for function in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                _sleeps(loop) for loop in _own_loops(function)
            ):
                yield f"{path}:{function.name}"


def _own_loops(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """Yield the loops of a function, but not those of functions inside it."""
    nodes: list[ast.AST] = list(function.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.While | ast.For | ast.AsyncFor):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += [
                child
                for child in ast.iter_child_nodes(node)
                if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
            ]


def _sleeps(loop: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        for node in ast.walk(loop)
    )
