"""The form that composes an experiment, its address, and the lines for a shell."""

from __future__ import annotations

import json
import shlex

import pytest
import requests

from chaos.experiments.catalogue import experiment
from chaos.experiments.composed import LOADS, USUAL_SECONDS
from chaos.faults.registry import FAULTS
from portfolio.chaos_pages.content import composing
from portfolio.chaos_pages.content.composing import curl_of, form_of
from tests.problems import problem

PAUSE = {"fault": "pause-process", "target": "redis", "seconds": "10", "load": "mixed"}
NAME = "composed_pause-process_redis_10_mixed"
WRONG = [
    ({"fault": "reboot"}, "There is no fault 'reboot'"),
    ({"fault": ""}, "There is no fault ''"),
    ({"target": "observer"}, "cannot be applied to 'observer'"),
    ({"seconds": "60"}, "lasts from 1 to 55 seconds"),
    ({"seconds": "-1"}, "must be a whole number"),
    ({"seconds": "1e1"}, "must be a whole number"),
    ({"seconds": "9" * 5000}, "must be a whole number"),
    ({"fault": "kill-process"}, "is over at once"),
    ({"load": "retry-storm"}, "There is no load 'retry-storm'"),
]


def test_without_an_address_it_offers_every_fault_and_the_targets_of_one() -> None:
    form = form_of({})
    assert [name for name, _ in form.faults] == list(FAULTS)
    assert (form.experiment, form.wrong) == (None, "")
    assert form_of({"fault": "cut-link"}).fault is FAULTS["cut-link"]


def test_each_load_has_words() -> None:
    assert tuple(composing.LOADS) == LOADS


def test_an_address_is_an_experiment_and_leads_to_itself() -> None:
    form = form_of(PAUSE)
    assert form.experiment == experiment(NAME)
    assert form.choice is not None
    assert form.choice.query == "&".join(f"{name}={value}" for name, value in PAUSE.items())


def test_seconds_that_are_left_out_are_the_usual_ones() -> None:
    lasting = form_of({"fault": "pause-process", "target": "redis"})
    momentary = form_of({"fault": "kill-process", "target": "redis"})
    assert (lasting.seconds, momentary.seconds) == (USUAL_SECONDS, 0)
    assert lasting.experiment
    assert momentary.experiment


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_a_wrong_address_is_refused_in_a_sentence(changes: dict[str, str], words: str) -> None:
    form = form_of(PAUSE | changes)
    assert words in form.wrong
    assert form.wrong.endswith(".")
    assert form.experiment is None


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("kill-redis", "kill-redis", {}),
        (NAME, "composed", {**PAUSE, "seconds": 10}),
    ],
)
def test_the_line_for_a_shell_asks_for_the_same_run(
    name: str, path: str, body: dict[str, object]
) -> None:
    words = shlex.split(curl_of(experiment(name), "http://127.0.0.1:8000"))
    assert words[:2] == ["curl", "-i"]
    assert words[-1] == f"http://127.0.0.1:8000/api/v1/experiments/{path}/runs"
    assert json.loads(words[words.index("-d") + 1]) == body
    assert "Idempotency-Key: $(uuidgen)" in words


@pytest.mark.platform
def test_the_page_shows_the_experiment_of_its_address(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/chaos/compose/", params=PAUSE, timeout=30)
    assert page.status_code == 200
    assert f'name="experiment" value="{NAME}"' in page.text
    assert "/api/v1/experiments/composed/runs" in page.text
    own = requests.get(f"{platform_url}/chaos/experiments/{NAME}/", timeout=30).text
    assert (
        "/chaos/compose/?fault=pause-process&amp;target=redis&amp;seconds=10&amp;load=mixed" in own
    )
    exported = requests.get(f"{platform_url}/chaos/experiments/{NAME}.json", timeout=30).json()
    assert exported["title"] == experiment(NAME).title


@pytest.mark.platform
def test_the_page_of_a_catalogue_experiment_has_its_line_for_a_shell(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/chaos/experiments/kill-redis/", timeout=30).text
    assert "/api/v1/experiments/kill-redis/runs" in page


@pytest.mark.platform
@pytest.mark.parametrize(("changes", "words"), WRONG[1:5])
def test_a_wrong_address_is_answered_with_422(
    platform_url: str, changes: dict[str, str], words: str
) -> None:
    address, asked = f"{platform_url}/chaos/compose/", PAUSE | changes
    page = requests.get(address, params=asked, timeout=30)
    told = requests.get(address, asked, headers={"Accept": "application/json"}, timeout=30)
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert words in problem(told, 422)["detail"]
