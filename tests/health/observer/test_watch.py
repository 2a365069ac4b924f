"""A probe in its thread: no answer is the target's failure, and an error of the probe is not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cluster.health.observer.watch import Standing, Watch
from cluster.health.probes.probe import PATIENCE, Answer, NothingLearnt, ProbeFailed
from cluster.health.probes.web import Unwell
from tests.conditions import eventually


class Target:
    """A target that answers as the test sets, and counts the questions."""

    target = "redis"

    def __init__(self, answer: Callable[[], Answer]) -> None:
        self.answer = answer
        self.asked = 0
        self.closed = 0

    def ask(self) -> Answer:
        self.asked += 1
        return self.answer()

    def close(self) -> None:
        self.closed += 1


def answers() -> Answer:
    return Answer(1.5, "detail")


def fails(error: Exception) -> Callable[[], Answer]:
    def answer() -> Answer:
        raise error

    return answer


@contextmanager
def watched(target: Target, **arguments: Callable[[object], None]) -> Iterator[Watch]:
    watch = Watch(target, every=0.02, **arguments)  # type: ignore[arg-type]
    watch.start()
    yield watch
    watch.stop()


def settled(watch: Watch, condition: Callable[[Standing], bool]) -> Standing:
    return eventually(lambda: [s for s in [watch.standing(0.0)] if condition(s)])[0]


def test_an_answer_makes_it_well_and_its_detail_is_handed_on() -> None:
    details: list[object] = []
    with watched(Target(answers), on_detail=details.append) as watch:
        standing = settled(watch, lambda s: s.healthy is True)
        eventually(lambda: details)
    assert (standing.milliseconds, details[0]) == (1.5, "detail")


def test_a_failure_is_told_in_words_and_dated_from_the_first() -> None:
    target = Target(fails(ProbeFailed("it refuses connections")))
    with watched(target) as watch:
        first = settled(watch, lambda s: s.healthy is False)
        eventually(lambda: target.asked > 3)
        assert watch.standing(0.0).failing_since == first.failing_since
    assert first.words == "it refuses connections"


def test_a_target_that_lacks_something_is_unwell_and_not_silent() -> None:
    with watched(Target(fails(Unwell("its database is away")))) as watch:
        assert settled(watch, lambda s: s.healthy is False).unwell


def test_a_question_that_could_not_be_asked_says_nothing() -> None:
    with watched(Target(fails(NothingLearnt("Vault gives no login")))) as watch:
        assert settled(watch, lambda s: s.blind).healthy is None


def test_a_fault_of_the_probe_is_not_the_targets() -> None:
    target = Target(fails(ZeroDivisionError()))
    with watched(target) as watch:
        standing = settled(watch, lambda s: s.blind)
        eventually(lambda: target.asked > 2)  # the thread of the probe goes on
    assert standing.healthy is None


def test_an_open_question_is_a_failure_after_its_patience() -> None:
    release = threading.Event()

    def hang() -> Answer:
        release.wait()
        return answers()

    target = Target(hang)
    with watched(target) as watch:
        asked_at = settled(watch, lambda s: s.asked_at is not None).asked_at or 0.0
        assert watch.standing(asked_at + PATIENCE / 2).healthy is None
        late = watch.standing(asked_at + PATIENCE)
        assert (late.healthy, late.failing_since, late.words) == (
            False, asked_at, "it does not answer"
        )  # fmt: skip
        assert target.asked == 1  # never a second question before the first answer
        release.set()
        settled(watch, lambda s: s.healthy is True)


def test_a_flip_is_told_at_once() -> None:
    flips: list[None] = []
    target = Target(answers)
    watch = Watch(target, every=0.02, on_flip=lambda: flips.append(None))
    watch.start()
    eventually(lambda: flips)
    target.answer = fails(ProbeFailed("gone"))
    eventually(lambda: len(flips) == 2)
    watch.stop()
