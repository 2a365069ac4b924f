"""Behind a proxy that ends TLS, the site is reached by TLS alone, and by nothing else elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from config.environment import ROOT

# In a process of its own: settings are read once.
ASK = """
import json, sys, django
django.setup()
from django.conf import settings
from django.test import Client
client = Client(raise_request_exception=False, SERVER_NAME="localhost")
def told(path, **headers):
    answer = client.get(path, headers=headers)
    return [answer.status_code, {name.lower(): value for name, value in answer.headers.items()}]
print(json.dumps({
    "plain": told("/nowhere/?a=b"), "api": told("/api/v1/nowhere"), "probe": told("/healthz"),
    "by a proxy": told("/nowhere/", x_forwarded_proto="https"),
    "cookies": [settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE],
}))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Return how a Python process of a site behind TLS has ended."""
    surroundings = os.environ | {
        "BEHIND_TLS": "yes",
        "DJANGO_SETTINGS_MODULE": "portfolio.settings",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    ended = run("-c", ASK)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_what_came_without_tls_is_redirected(answers: dict[str, Any]) -> None:
    status, headers = answers["plain"]
    assert (status, headers["location"]) == (301, "https://localhost/nowhere/?a=b")
    assert "strict-transport-security" not in headers  # a browser would ignore it
    assert answers["api"][0] == 301


def test_what_came_by_tls_is_answered_and_binds_the_browser_for_a_year(
    answers: dict[str, Any],
) -> None:
    status, headers = answers["by a proxy"]
    assert status == 404
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_probes_inside_the_platform_need_no_tls(answers: dict[str, Any]) -> None:
    assert answers["probe"][0] == 200


def test_cookies_travel_by_tls_alone(answers: dict[str, Any]) -> None:
    assert answers["cookies"] == [True, True]


def test_djangos_check_of_a_deployment_finds_nothing() -> None:
    ended = run("-m", "django", "check", "--deploy", "--fail-level", "WARNING")
    assert (ended.returncode, ended.stdout.strip().partition(" (")[0]) == (
        0,
        "System check identified no issues",
    ), ended.stderr


def test_without_a_proxy_nobody_is_believed_to_have_come_by_tls() -> None:
    answer = Client(SERVER_NAME="localhost").get("/healthz", headers={"X-Forwarded-Proto": "https"})
    assert not answer.wsgi_request.is_secure()
    assert "Strict-Transport-Security" not in answer.headers
