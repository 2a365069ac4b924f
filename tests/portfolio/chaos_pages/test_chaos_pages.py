"""The chaos pages show runs, accept requests for a run, and refuse others in words."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import pytest
import requests

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.document import as_document
from chaos.experiments.incident import read_incident
from chaos.safety.permits import MOST_OPEN_OF_ADDRESS
from config.environment import ROOT
from tests.conditions import eventually
from tests.databases import superuser_session
from tests.portfolio.admin_visit import JSON, Visit
from tests.problems import problem

pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("run_lock")]

# Every platform has this incident from its first start, marked as recorded on another machine.
RECORDED = read_incident((ROOT / "articles" / "incidents" / "broker-killed.json").read_bytes())
RUNS: Final = "/chaos/runs/"
WITHDRAW: Final = re.compile(r'action="([^"]+/withdraw/)"')
NOWHERE: Final = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def visit(platform_url: str) -> Iterator[Visit]:
    """A visitor, whose requested runs are withdrawn afterwards."""
    stranger = Visit(platform_url)
    yield stranger
    take_back_all(stranger)


def ask(
    visit: Visit, experiment: str = "", *, headers: Mapping[str, str] | None = None, **fields: Any
) -> requests.Response:
    """Ask for a run as the page's script does, and return the answer."""
    wish = {"experiment": experiment, **fields}
    return visit.post(RUNS, wish, form="/chaos/", headers={**JSON, **(headers or {})})


def take_back_all(visit: Visit) -> None:
    """Withdraw each run that the queue shows as this visitor's own."""
    for address in WITHDRAW.findall(visit.get("/chaos/queue/").text):
        visit.post(address, {}, form="/chaos/queue/", headers=JSON)


@contextmanager
def faults_switched_off(reason: str) -> Iterator[None]:
    """Switch faults off for the block, as the owner does in the admin."""
    with superuser_session("site") as connection:
        connection.execute("DELETE FROM fault_switch")
        connection.execute("INSERT INTO fault_switch VALUES (1, false, %s)", (reason,))
        try:
            yield
        finally:
            connection.execute("DELETE FROM fault_switch")


# What the pages show ---------------------------------------------------------------------


def test_the_board_lists_every_process_and_every_experiment(visit: Visit) -> None:
    page = visit.get("/chaos/")
    assert page.status_code == HTTPStatus.OK
    for process in ("rabbitmq", "postgres-orders", "worker-payments", "web"):
        assert f'data-process="{process}"' in page.text
    for name in EXPERIMENTS:
        assert f'value="{name}"' in page.text


def test_a_recording_is_listed_with_where_it_is_from(visit: Visit) -> None:
    page = visit.get("/chaos/").text
    assert f"/chaos/incidents/{RECORDED.id}/" in page
    assert "recorded on another machine" in page


def test_an_incident_shows_its_verdict_its_timeline_and_every_invariant(visit: Visit) -> None:
    page = visit.get(f"/chaos/incidents/{RECORDED.id}/").text
    assert RECORDED.title in page
    assert "It held." in page
    for invariant in RECORDED.invariants:
        assert invariant.name in page
    for mark in RECORDED.marks:
        assert f">{mark.label}</th>" in page


def test_an_incident_can_be_taken_away_as_json(visit: Visit) -> None:
    exported = visit.get(f"/chaos/incidents/{RECORDED.id}/", format="json")
    assert read_incident(exported.content) == RECORDED


def test_an_experiment_says_what_is_expected_and_how_it_is_cut_short(visit: Visit) -> None:
    experiment = EXPERIMENTS["kill-rabbitmq"]
    page = visit.get("/chaos/experiments/kill-rabbitmq/").text
    for sentence in (experiment.hypothesis, experiment.blast_radius, experiment.watch):
        assert sentence in page
    assert "It is cut short when" in page


@pytest.mark.parametrize("name", ["kill-rabbitmq", "storm"])
def test_an_experiment_is_exported_for_chaos_toolkit(visit: Visit, name: str) -> None:
    document = visit.get(f"/chaos/experiments/{name}.json").json()
    assert {"title", "steady-state-hypothesis", "method", "rollbacks"} <= document.keys()


def test_a_storm_is_exported_with_the_seed_that_is_asked_for(visit: Visit) -> None:
    drawn = visit.get("/chaos/experiments/storm.json", seed="7").json()
    assert drawn == as_document(EXPERIMENTS["storm"], 7)


def test_times_to_recover_are_published_for_people_and_for_programs(visit: Visit) -> None:
    assert "Times to recover" in visit.get("/chaos/recoveries/").text
    assert isinstance(visit.get("/chaos/recoveries.json").json()["experiments"], list)


def test_the_last_interesting_incident_is_the_same_wherever_it_is_shown(visit: Visit) -> None:
    latest = visit.get("/chaos/recoveries.json").json()["latest_interesting"]
    for page in (visit.get("/chaos/recoveries/"), visit.get("/")):
        assert f'href="{latest}"' in page.text
        assert '<train-graph kind="recorded"' in page.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/chaos/incidents/{NOWHERE}/", "There is no incident"),
        (f"/chaos/runs/{NOWHERE}/", "There is no run"),
        ("/chaos/experiments/kill-everything/", "There is no experiment"),
        ("/chaos/experiments/kill-everything.json", "There is no experiment"),
    ],
)
def test_what_does_not_exist_is_answered_in_words(visit: Visit, path: str, words: str) -> None:
    answer = visit.get(path)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert words in answer.text


# Asking for a run ------------------------------------------------------------------------


def test_a_run_that_is_asked_for_has_a_page_and_a_place_in_the_queue(visit: Visit) -> None:
    told = ask(visit, "kill-provider")
    assert told.status_code == HTTPStatus.ACCEPTED
    run = told.json()
    assert told.headers["Location"] == run["address"]
    assert run["asked_by"] in visit.get("/chaos/queue/").text
    assert EXPERIMENTS["kill-provider"].title in visit.get(run["address"]).text


def test_a_run_can_be_taken_back_by_its_visitor_alone(visit: Visit) -> None:
    run = ask(visit, "kill-provider").json()
    other = Visit(visit.url)
    refused = other.post(f"{run['address']}withdraw/", {}, form="/chaos/")
    taken_back = visit.post(f"{run['address']}withdraw/", {}, form="/chaos/")
    assert refused.status_code == HTTPStatus.NOT_FOUND
    assert "no such run of yours" in refused.text
    assert taken_back.status_code == HTTPStatus.OK


def test_a_flood_of_wishes_leaves_one_run_and_refusals_in_words(visit: Visit) -> None:
    fields = {"csrfmiddlewaretoken": visit.token("/chaos/"), "experiment": "kill-provider"}
    visit.send(RUNS, fields, JSON)  # the session's cookie is there from now on
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: visit.send(RUNS, fields, JSON), range(16)))
    assert {answer.status_code for answer in answers} == {HTTPStatus.TOO_MANY_REQUESTS}
    told = problem(answers[0], HTTPStatus.TOO_MANY_REQUESTS)
    assert "One of your runs is waiting" in told["detail"]
    assert int(answers[0].headers["Retry-After"]) > 0


def test_without_cookies_an_address_gets_no_more_than_its_share(platform_url: str) -> None:
    """Each request is a new visitor's, and the proxy's header names one address for all."""
    address = {"X-Forwarded-For": f"203.0.113.{secrets.randbelow(250)}"}
    strangers = [Visit(platform_url) for _ in range(MOST_OPEN_OF_ADDRESS + 1)]
    try:
        answers = [ask(one, "kill-provider", headers=address) for one in strangers]
        assert {one.status_code for one in answers[:-1]} == {HTTPStatus.ACCEPTED}
        told = problem(answers[-1], HTTPStatus.TOO_MANY_REQUESTS)
        assert "from your address" in told["detail"]
    finally:
        for one in strangers:
            take_back_all(one)


def test_two_visitors_at_once_get_different_places(visit: Visit, platform_url: str) -> None:
    other = Visit(platform_url)
    try:
        with ThreadPoolExecutor(2) as pool:
            wishes = [pool.submit(ask, one, "kill-provider") for one in (visit, other)]
            runs = [wish.result().json() for wish in wishes]
        assert runs[0]["id"] != runs[1]["id"]
        assert runs[0]["asked_by"] != runs[1]["asked_by"]
        assert sorted(run["position"] for run in runs) in ([1, 2], [0, 1], [1, 1])
        assert visit.get("/chaos/queue/").text.count("</form>") == 1  # for the own run
    finally:
        take_back_all(other)


# Message editing -----------------------------------------------------------------------------


def operate(visit: Visit, **fields: str) -> requests.Response:
    return visit.post("/chaos/surgery/", fields, form="/chaos/", headers=JSON)


def test_a_message_that_is_sent_twice_is_applied_once_and_shown_as_recognised(
    visit: Visit,
) -> None:
    told = operate(visit, operation="duplicate", message="orders.confirm_order.v1")
    assert told.status_code == HTTPStatus.ACCEPTED
    saga = told.headers["Location"]
    eventually(lambda: "It completed at" in visit.get(saga).text, within=60.0)
    eventually(lambda: "deduplicated" in visit.get(saga).text, within=30.0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose what is to be done"),
        ({"operation": "delete"}, "Choose what is to be done"),
        ({"operation": "delay", "message": "orders.drop_everything.v1"}, "Choose one of"),
        ({"operation": "delay", "seconds": "x"}, "must be a number"),
        ({"operation": "delay", "seconds": "nan"}, "must be a number"),
        ({"operation": "delay", "seconds": "1e999"}, "must be a number"),
        ({"operation": "delay", "seconds": "11"}, "is held back for"),
        ({"operation": "delay", "seconds": "-1"}, "is held back for"),
    ],
)
def test_an_operation_that_is_not_offered_is_refused_in_words(
    visit: Visit, fields: dict[str, str], words: str
) -> None:
    answer = operate(visit, **{"message": "orders.confirm_order.v1", **fields})
    assert words in problem(answer, HTTPStatus.UNPROCESSABLE_ENTITY)["detail"]


# Refused requests ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"experiment": "kill-everything"}, HTTPStatus.NOT_FOUND),
        ({"experiment": "kill-redis; rm -rf /"}, HTTPStatus.NOT_FOUND),
        ({"experiment": "composed_pause-process_redis_99_mixed"}, HTTPStatus.NOT_FOUND),
        ({"experiment": "composed_kill-process_observer_0_steady"}, HTTPStatus.NOT_FOUND),
        ({}, HTTPStatus.NOT_FOUND),
        ({"experiment": "storm", "seed": "-1"}, HTTPStatus.BAD_REQUEST),
        ({"experiment": "storm", "seed": "1e3"}, HTTPStatus.BAD_REQUEST),
        ({"experiment": "storm", "seed": "9" * 40}, HTTPStatus.BAD_REQUEST),
        ({"experiment": "storm", "seed": "9" * 10}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"experiment": "kill-redis", "seed": "1"}, HTTPStatus.UNPROCESSABLE_ENTITY),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused_in_words(
    visit: Visit, fields: dict[str, str], status: HTTPStatus
) -> None:
    answer = ask(visit, **dict[str, Any](fields))
    assert problem(answer, status)["detail"].endswith(".")


@pytest.mark.parametrize(
    "body",
    ["{", "[]", "null", '{"experiment": 1}', '{"experiment": "storm", "command": "id"}', "\xff"],
)
def test_invalid_json_is_refused_in_words(visit: Visit, body: str) -> None:
    headers = {"Content-Type": "application/json", "X-CSRFToken": visit.token("/chaos/")}
    answer = visit.session.post(
        f"{visit.url}{RUNS}", data=body.encode("latin-1"), headers=JSON | headers, timeout=30
    )
    assert "not a JSON object" in problem(answer, HTTPStatus.BAD_REQUEST)["detail"]


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://127.0.0.1:1"])
def test_a_wish_from_another_sites_page_is_refused(visit: Visit, origin: str) -> None:
    answer = ask(visit, "kill-redis", headers={"Origin": origin})
    assert "another site" in problem(answer, HTTPStatus.FORBIDDEN)["detail"]


def test_a_token_of_somebody_else_is_worth_nothing(visit: Visit, platform_url: str) -> None:
    stolen = Visit(platform_url).token("/chaos/")
    visit.get("/chaos/")
    wish = {"csrfmiddlewaretoken": stolen, "experiment": "kill-redis"}
    answer = visit.send(RUNS, wish, JSON)
    assert stolen
    assert "expired" in problem(answer, HTTPStatus.FORBIDDEN)["detail"]


def test_a_body_that_is_far_too_large_is_refused(visit: Visit) -> None:
    answer = visit.send(RUNS, {"experiment": "x" * 100_000}, JSON)
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_what_the_owner_has_switched_off_cannot_be_asked_for(visit: Visit) -> None:
    with faults_switched_off("the bank is watching"):
        page = visit.get("/chaos/").text
        answer = ask(visit, "kill-redis")
    assert "the bank is watching" in page
    assert "disabled" in page
    assert "the bank is watching" in problem(answer, HTTPStatus.FORBIDDEN)["detail"]


def test_a_reader_of_json_is_told_problems_as_json(visit: Visit) -> None:
    answer = visit.session.get(f"{visit.url}/chaos/runs/{NOWHERE}/", headers=JSON, timeout=30)
    assert problem(answer, HTTPStatus.NOT_FOUND)["title"] == "Not Found"
