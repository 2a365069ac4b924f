"""security.txt has what RFC 9116 requires, and never runs out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from portfolio.pages.security_txt import document

NOW = datetime(2026, 12, 1, 13, 14, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANONICAL_ORIGIN", "https://timetable.example")


def test_it_names_the_owner_first_and_a_day_within_a_year() -> None:
    assert document("owner@example.org", NOW).splitlines() == [
        "Contact: mailto:owner@example.org",
        "Contact: https://timetable.example/contact/",
        "Expires: 2027-05-30T00:00:00Z",
        "Preferred-Languages: en",
        "Canonical: https://timetable.example/.well-known/security.txt",
        "Policy: https://timetable.example/source/SECURITY.md",
    ]


@pytest.mark.parametrize("days", [0, 1, 400, 4_000])
def test_it_is_valid_on_every_day_and_never_for_a_year(days: int) -> None:
    now = NOW + timedelta(days=days)
    lines = dict(line.split(": ", 1) for line in document("", now).splitlines())
    left = datetime.fromisoformat(lines["Expires"]) - now
    assert timedelta(days=30) < left < timedelta(days=365)
    assert lines["Contact"] == "https://timetable.example/contact/"


@pytest.mark.platform
def test_it_is_served_and_its_policy_is_there(platform_url: str) -> None:
    answer = requests.get(f"{platform_url}/.well-known/security.txt", timeout=10)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "\nExpires: 20" in answer.text
    assert requests.get(f"{platform_url}/source/SECURITY.md", timeout=10).status_code == 200
