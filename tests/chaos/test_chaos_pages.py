"""The pages of recorded incidents."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from chaos.experiments.incident import read_incident
from config.environment import ROOT

pytestmark = pytest.mark.platform

# Every platform keeps it from its first start, said to be from elsewhere.
RECORDED = read_incident((ROOT / "articles" / "incidents" / "broker-killed.json").read_bytes())


def read(url: str) -> str:
    with urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_a_recording_is_listed_with_where_it_is_from(platform_url: str) -> None:
    page = read(f"{platform_url}/chaos/")
    assert f"/chaos/incidents/{RECORDED.id}/" in page
    assert "recorded on another machine" in page


def test_an_incident_shows_its_figures_and_every_invariant(platform_url: str) -> None:
    page = read(f"{platform_url}/chaos/incidents/{RECORDED.id}/")
    assert RECORDED.title in page
    assert "It held." in page
    for invariant in RECORDED.invariants:
        assert invariant.name in page


def test_an_incident_can_be_taken_away_as_json(platform_url: str) -> None:
    exported = read(f"{platform_url}/chaos/incidents/{RECORDED.id}/?format=json")
    assert read_incident(exported.encode()) == RECORDED
    assert json.loads(exported)["experiment"] == "kill-rabbitmq"


def test_an_unknown_incident_is_answered_in_words(platform_url: str) -> None:
    with pytest.raises(HTTPError) as refusal:
        read(f"{platform_url}/chaos/incidents/00000000-0000-7000-8000-000000000000/")
    assert refusal.value.code == 404
    answer: Any = refusal.value
    assert "There is no incident" in answer.read().decode()
