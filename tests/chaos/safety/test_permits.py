"""The limits on requests for a run: per visitor, per address, of the queue, and the switch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.db import connection

from chaos.experiments.models import ExperimentRun, FaultSwitch
from chaos.safety.permits import (
    MOST_IN_PERIOD,
    MOST_OF_ADDRESS,
    MOST_OPEN_OF_ADDRESS,
    MOST_WAITING,
    PERIOD,
    WITHDRAWING,
    Refused,
    ask_for_run,
    public_name,
    queue,
    withdraw,
)

pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("empty_queue")]


def ask(visitor: str = "one", experiment: str = "kill-redis", **more: Any) -> ExperimentRun:
    return ask_for_run(
        experiment=experiment, visitor=visitor, asked_by=public_name(visitor), **more
    )


def refusal(visitor: str = "one", experiment: str = "kill-redis", **more: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        ask(visitor, experiment, **more)
    assert caught.value.sentence.endswith(".")
    return caught.value


def closed_runs(visitor: str, count: int, *, ago: timedelta = timedelta(minutes=5)) -> None:
    for _ in range(count):
        run = ask(visitor)
        ExperimentRun.objects.filter(id=run.id).update(
            state=ExperimentRun.ENDED, asked_at=datetime.now(UTC) - ago
        )


def test_a_wish_waits_in_the_queue_under_a_public_name() -> None:
    run = ask()
    assert run.state == ExperimentRun.QUEUED
    (waiting,) = queue()
    assert (waiting.run.id, waiting.position) == (run.id, 1)
    assert waiting.title == "Kill the cache"
    assert waiting.wait == "in a moment"


def test_a_composed_experiment_waits_as_any_other_and_within_the_same_limits() -> None:
    ask(experiment="composed_pause-process_redis_10_mixed")
    (waiting,) = queue()
    assert waiting.title == "Pause a process: redis for 10 s, mixed load"
    assert refusal(experiment="composed_kill-process_web_0_steady").status == (
        HTTPStatus.TOO_MANY_REQUESTS
    )


def test_the_public_name_leads_nobody_back_to_the_session() -> None:
    name = public_name("visitor-0123456789abcdef")
    assert name.startswith("visitor ")
    assert "0123" not in name
    assert name == public_name("visitor-0123456789abcdef") != public_name("visitor-1")


def test_a_visitor_has_one_open_run_at_a_time() -> None:
    ask()
    refused = refusal(experiment="kill-web")
    assert refused.status == HTTPStatus.TOO_MANY_REQUESTS
    assert refused.retry_after


def test_a_visitor_has_a_few_runs_an_hour_and_others_have_theirs() -> None:
    closed_runs("one", MOST_IN_PERIOD)
    refused = refusal("one")
    assert refused.status == HTTPStatus.TOO_MANY_REQUESTS
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= PERIOD.total_seconds()
    assert ask("two")


def test_what_was_asked_for_an_hour_ago_is_forgiven() -> None:
    closed_runs("one", MOST_IN_PERIOD, ago=PERIOD + timedelta(minutes=1))
    assert ask("one")


def test_whoever_drops_the_cookie_is_known_by_the_address() -> None:
    for number in range(MOST_OPEN_OF_ADDRESS):
        ask(f"visitor {number}", remote="an address")
    refused = refusal("one more", remote="an address")
    assert refused.status == HTTPStatus.TOO_MANY_REQUESTS
    assert "from your address" in refused.sentence
    assert ask("a neighbour", remote="another address")


def test_an_address_has_its_share_of_an_hour_and_is_forgotten_after_it() -> None:
    for number in range(MOST_OF_ADDRESS):
        ExperimentRun.objects.filter(id=ask(f"visitor {number}", remote="an address").id).update(
            state=ExperimentRun.ENDED, asked_at=datetime.now(UTC) - PERIOD + timedelta(minutes=1)
        )
    refused = refusal("one more", remote="an address")
    assert refused.status == HTTPStatus.TOO_MANY_REQUESTS
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 60
    ExperimentRun.objects.update(asked_at=datetime.now(UTC) - PERIOD)
    assert ask("one more", remote="an address")
    assert ExperimentRun.objects.exclude(remote="").count() == 1


def test_the_queue_has_an_end() -> None:
    for number in range(MOST_WAITING):
        ask(f"visitor {number}")
    refused = refusal("one more")
    assert refused.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert refused.retry_after


def test_the_owner_can_switch_faults_off_and_says_why() -> None:
    FaultSwitch.objects.create(hard_faults=False, reason="A demonstration is on.")
    refused = refusal()
    assert refused.status == HTTPStatus.FORBIDDEN
    assert "A demonstration is on" in refused.sentence


def test_what_is_not_in_the_catalogue_is_refused_without_an_echo() -> None:
    refused = refusal(experiment="<script>")
    assert refused.status == HTTPStatus.NOT_FOUND
    assert "script" not in refused.sentence


@pytest.mark.parametrize(
    "wrong",
    [
        {"experiment": "storm", "seed": -1},
        {"experiment": "storm", "seed": 2**31},
        {"experiment": "kill-redis", "seed": 1},
        {"rate": 0.0},
        {"rate": 11.0},
        {"rate": float("nan")},
    ],
)
def test_wrong_figures_are_refused_in_words(wrong: dict[str, Any]) -> None:
    assert refusal(**wrong).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_storm_without_a_seed_is_given_one() -> None:
    assert ask(experiment="storm").seed is not None
    assert ask("two", experiment="storm", seed=7).seed == 7


def test_two_requests_of_one_visitor_at_once_come_to_one_run(django_db_blocker: Any) -> None:
    def try_once(_number: int) -> str:
        try:
            return str(ask("impatient").id)
        except Refused:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(try_once, range(8)))
    assert len([answer for answer in answers if answer]) == 1


def test_many_visitors_at_once_never_overfill_the_queue(django_db_blocker: Any) -> None:
    def try_once(number: int) -> bool:
        try:
            ask(f"visitor {number}")
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(try_once, range(MOST_WAITING + 4)))
    assert sum(answers) == MOST_WAITING


def test_one_can_withdraw_what_waits_and_what_runs_but_not_what_is_anothers() -> None:
    run = ask()
    with pytest.raises(Refused, match="no such run of yours"):
        withdraw(run.id, "two")
    assert withdraw(run.id, "one").state == ExperimentRun.WITHDRAWN
    with pytest.raises(Refused, match="has ended"):
        withdraw(run.id, "one")
    running = ask()
    ExperimentRun.objects.filter(id=running.id).update(state=ExperimentRun.RUNNING)
    assert withdraw(running.id, "one").words == WITHDRAWING


def test_the_wait_is_told_from_the_runs_ahead() -> None:
    running, first, second = ask("a"), ask("b"), ask("c")
    now = datetime.now(UTC)
    ExperimentRun.objects.filter(id=running.id).update(
        state=ExperimentRun.RUNNING, began_at=now - timedelta(seconds=5)
    )
    shown = queue()
    assert [one.run.id for one in shown] == [running.id, first.id, second.id]
    assert [one.position for one in shown] == [0, 1, 2]
    assert shown[0].wait == "it runs now"
    assert "about" in shown[1].wait
