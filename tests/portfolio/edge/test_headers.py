"""Pages hold the policy of Trusted Types, and so do their scripts."""

from __future__ import annotations

import re
import subprocess

import pytest
from django.http import HttpRequest, HttpResponse

from config.environment import ROOT
from portfolio.edge.headers import SecurityHeadersMiddleware

# Where a text becomes elements or code.
SINK = re.compile(
    r"(?:innerHTML|outerHTML|srcdoc)\s*\+?=(?!=)|insertAdjacentHTML|document\.write|DOMParser"
    r"|createContextualFragment|setHTMLUnsafe|\beval\(|new Function|new (?:Shared)?Worker"
)
POLICY = "cluster/kit/static/kit/own-markup.js"
# Loaded by pages of the admin alone.
OF_THE_ADMIN = {
    "articles/static/articles/article-preview.js",
    "portfolio/static/portfolio/admin-dashboard.js",
}


def policy(path: str) -> str:
    request = HttpRequest()
    request.path = path
    answer = SecurityHeadersMiddleware(lambda _: HttpResponse())(request)
    return str(answer.headers["Content-Security-Policy"])


@pytest.mark.parametrize("path", ["/", "/api/v1/products", "/administration/"])
def test_a_public_page_makes_elements_of_trusted_texts_alone(path: str) -> None:
    directives = policy(path).split("; ")
    assert "require-trusted-types-for 'script'" in directives
    assert "trusted-types own-markup" in directives


def test_the_admin_has_the_same_policy_without_trusted_types() -> None:
    assert "trusted-types" not in policy("/admin/articles/")
    assert policy("/about/").startswith(policy("/admin/articles/"))


def test_every_sink_of_a_public_script_takes_a_trusted_text() -> None:
    scripts = subprocess.check_output(
        ["git", "ls-files", "*/static/*.js"], cwd=ROOT, text=True
    ).splitlines()
    assert POLICY in scripts
    found = {
        script: [
            line.strip()
            for line in (ROOT / script).read_text().splitlines()
            if SINK.search(line) and "ownMarkup(" not in line
        ]
        for script in scripts
        if script not in OF_THE_ADMIN
    }
    assert {script: lines for script, lines in found.items() if lines} == {}


def test_no_public_page_loads_a_script_of_the_admin() -> None:
    pages = subprocess.check_output(
        ["git", "ls-files", "*.html", ":!*/templates/admin/*"], cwd=ROOT, text=True
    ).splitlines()
    names = {script.partition("/static/")[2] for script in OF_THE_ADMIN}
    assert [page for page in pages for name in names if name in (ROOT / page).read_text()] == []
