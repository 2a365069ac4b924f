"""Experiments over the API: the same runs, permits and incidents as those of the chaos pages."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest

from chaos.experiments import repository
from chaos.experiments.catalogue import EXPERIMENTS, find
from chaos.experiments.composed import LOADS
from chaos.experiments.incident import read_incident
from chaos.experiments.models import ExperimentRun, FaultSwitch
from chaos.faults.registry import FAULTS
from chaos.safety.permits import MOST_IN_PERIOD, MOST_OPEN_OF_ADDRESS, ask_for_run
from config.environment import ROOT
from tests.portfolio.api.client import Client
from tests.problems import problem

pytestmark = [pytest.mark.platform, pytest.mark.usefixtures("empty_queue")]

RECORDED = read_incident((ROOT / "articles" / "incidents" / "broker-killed.json").read_bytes())
COMPOSED = {"fault": "pause-process", "target": "redis", "seconds": 10, "load": "mixed"}


def test_the_catalogue_is_listed_with_the_faults_to_compose_of(client: Client) -> None:
    listed = client.get("/experiments").json()
    assert [one["name"] for one in listed["items"]] == list(EXPERIMENTS)
    assert {one["name"]: one["targets"] for one in listed["faults"]} == {
        name: [*fault.targets()] for name, fault in FAULTS.items()
    }
    assert listed["loads"] == [*LOADS]


def test_a_run_is_accepted_queued_and_followed(client: Client) -> None:
    accepted = client.post("/experiments/kill-provider/runs", {})
    assert accepted.status_code == 202, accepted.text
    run = accepted.json()
    assert accepted.headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert (run["experiment"], run["status"]) == ("kill-provider", "queued")
    followed = client.get(f"/runs/{run['id']}").json()
    assert followed == run
    moments = ("injected_at", "detected_at", "recovered_at", "verified_at", "incident", "verdict")
    assert [followed[name] for name in moments] == [None] * len(moments)


def test_the_address_of_a_run_counts_as_that_of_the_page_does(platform_url: str) -> None:
    proxied = {"X-Forwarded-For": f"203.0.113.{secrets.randbelow(250)}"}
    for _ in range(MOST_OPEN_OF_ADDRESS):
        run = Client(platform_url).post("/experiments/kill-provider/runs", {}, **proxied)
        assert run.status_code == 202, run.text
    refused = Client(platform_url).post("/experiments/kill-provider/runs", {}, **proxied)
    assert "from your address" in problem(refused, 429)["detail"]


def test_a_run_that_has_ended_has_the_moments_of_its_incident(client: Client) -> None:
    run = client.post("/experiments/kill-provider/runs", {}).json()
    incident = repository.keep(RECORDED)
    ExperimentRun.objects.filter(id=run["id"]).update(state="ended", incident=incident)
    ended = client.get(f"/runs/{run['id']}").json()
    moments = [ended[f"{name}_at"] for name in ("injected", "detected", "recovered", "verified")]
    assert all(moments)
    assert moments == sorted(moments)
    assert ended["incident"] == f"/chaos/incidents/{RECORDED.id}/"
    assert client.session.get(client.site + ended["incident"], timeout=30).status_code == 200


def test_a_key_means_one_run(client: Client) -> None:
    key = str(uuid4())
    first = client.post("/experiments/storm/runs", {"seed": 7}, key=key)
    again = client.post("/experiments/storm/runs", {"seed": 7}, key=key)
    assert (first.status_code, first.json()["seed"]) == (202, 7)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert ExperimentRun.objects.count() == 1
    problem(client.post("/experiments/storm/runs", {"seed": 8}, key=key), 422)
    problem(client.post("/experiments/storm/runs", {}, key=None), 400)


def test_the_permits_are_those_of_the_button(client: Client) -> None:
    client.post("/experiments/kill-provider/runs", {})
    refused = client.post("/experiments/kill-provider/runs", {})
    assert problem(refused, 429)["type"] == "/api/#quota-exceeded"
    assert "One of your runs is waiting" in refused.json()["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    (run,) = ExperimentRun.objects.all()
    ExperimentRun.objects.update(state=ExperimentRun.ENDED)
    for _ in range(MOST_IN_PERIOD - 1):  # as the page asks, for the same visitor
        made = ask_for_run(experiment="kill-web", visitor=run.visitor, asked_by=run.asked_by)
        ExperimentRun.objects.filter(id=made.id).update(state=ExperimentRun.ENDED)
    refused = client.post("/experiments/kill-provider/runs", {})
    assert "within an hour" in problem(refused, 429)["detail"]


def test_what_the_owner_has_switched_off_is_refused_with_the_reason(client: Client) -> None:
    FaultSwitch.objects.create(hard_faults=False, reason="A demonstration is on.")
    refused = client.post("/experiments/kill-provider/runs", {})
    assert "A demonstration is on" in problem(refused, 403)["detail"]


def test_a_composed_experiment_keeps_its_name(client: Client) -> None:
    accepted = client.post("/experiments/composed/runs", COMPOSED)
    assert accepted.status_code == 202, accepted.text
    name = accepted.json()["experiment"]
    assert name == "composed_pause-process_redis_10_mixed"
    assert find(ExperimentRun.objects.get(id=UUID(accepted.json()["id"])).experiment) is not None
    page = client.session.get(client.site + accepted.json()["page"], timeout=30).text
    assert "Pause a process: redis for 10 s, mixed load" in page


def test_without_seconds_a_composed_fault_has_the_usual_ones(client: Client) -> None:
    kill = {"fault": "kill-process", "target": "redis"}
    accepted = client.post("/experiments/composed/runs", kill)
    assert accepted.json()["experiment"] == "composed_kill-process_redis_0_steady"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("kill-everything", {}, 404),
        ("composed_pause-process_redis_99_mixed", {}, 404),
        ("kill-redis", {"seed": 1}, 422),
        ("storm", {"seed": -1}, 422),
        ("storm", {"seed": "1"}, 422),
        ("storm", {"command": "id"}, 422),
        ("composed", {}, 422),
        ("composed", {**COMPOSED, "fault": "reboot"}, 422),
        ("composed", {**COMPOSED, "target": "watchdog"}, 422),
        ("composed", {**COMPOSED, "seconds": 0}, 422),
        ("composed", {**COMPOSED, "seconds": 56}, 422),
        ("composed", {**COMPOSED, "load": "flash-sale"}, 422),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(
    client: Client, path: str, body: dict[str, Any], status: int
) -> None:
    refused = client.post(f"/experiments/{path}/runs", body)
    assert problem(refused, status)["detail"].endswith(".")
    assert not ExperimentRun.objects.exists()


def test_an_unknown_run_is_none(client: Client) -> None:
    assert "There is no run" in problem(client.get(f"/runs/{uuid4()}"), 404)["detail"]


def test_the_incidents_are_paged_and_lead_to_their_pages(client: Client) -> None:
    first = client.get("/incidents?limit=1").json()
    found = list(first["items"])
    while first["next"]:
        first = client.get(f"/incidents?limit=100&cursor={first['next']}").json()
        found += first["items"]
    ids = [one["id"] for one in found]
    assert ids == sorted(ids, reverse=True)
    (recorded,) = [one for one in found if one["id"] == RECORDED.id]
    assert recorded["page"] == f"/chaos/incidents/{RECORDED.id}/"
    assert recorded["title"] == RECORDED.title
