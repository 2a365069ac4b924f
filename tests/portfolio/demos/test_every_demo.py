"""Demos work without JavaScript, by their forms.

tests/browser runs each one by its button.
"""

from __future__ import annotations

import html
import re
import secrets
from uuid import UUID, uuid4

import pytest
import requests

from chaos.experiments.catalogue import EXPERIMENTS
from cluster.kit.source.resolve import locate
from config.environment import ROOT, SERVICES
from portfolio.demos.registry import DEMOS
from portfolio.demos.runs import MOST_OF_ADDRESS
from tests.cluster.cluster import Cluster


class Stranger:
    """A visitor with a browser's cookies and nothing else."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._session = requests.Session()
        self._token = ""

    def page(self, path: str) -> str:
        answer = self._session.get(f"{self._site}{path}", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text

    def comes_from(self, address: str) -> None:
        """Send this address, as the proxy before a site does."""
        self._session.headers["X-Forwarded-For"] = address

    def run(self, slug: str, *, run: UUID | None = None, **choices: object) -> requests.Response:
        """Press the button, and return the page that it leads to."""
        if not self._token:  # it is valid for the whole visit
            found = re.search(
                r'name="csrfmiddlewaretoken" value="(\w+)"', self.page(f"/lab/demos/{slug}/")
            )
            assert found
            self._token = found[1]
        return self._session.post(
            f"{self._site}/lab/demos/{slug}/runs/",
            data={"csrfmiddlewaretoken": self._token, "run": str(run or uuid4()), **choices},
            timeout=120,
        )


@pytest.fixture
def stranger(platform_url: str) -> Stranger:
    return Stranger(platform_url)


def checks(page: str) -> list[tuple[str, str]]:
    """Return the invariants on a result's page, with the outcome of each."""
    return re.findall(r'/></svg>([^<]+)<span class="unseen">: ([^<]+)</span>', html.unescape(page))


@pytest.mark.platform
def test_without_javascript_a_form_leads_to_what_happened(stranger: Stranger) -> None:
    page = stranger.run("checkout")

    assert page.status_code == 200
    assert "What happened" in page.text
    found = checks(page.text)
    assert found
    assert [name for name, words in found if words == "violated"] == []


@pytest.mark.platform
def test_a_form_sent_twice_runs_once(stranger: Stranger) -> None:
    run = uuid4()

    first, second = (stranger.run("checkout", run=run) for _ in range(2))

    assert first.url == second.url
    assert re.findall(r'href="/sagas/([^/]+)/"', first.text) == re.findall(
        r'href="/sagas/([^/]+)/"', second.text
    )


@pytest.mark.platform
def test_an_address_gets_no_more_than_its_share(stranger: Stranger) -> None:
    stranger.comes_from(f"203.0.113.{secrets.randbelow(250)}")
    run = uuid4()  # one run, which runs once: the limit counts the requests

    answers = [stranger.run("ledger", run=run) for _ in range(MOST_OF_ADDRESS + 1)]

    assert {one.status_code for one in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert "Your address has run many demos" in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.platform
def test_what_cannot_be_chosen_is_refused_in_words(stranger: Stranger) -> None:
    answer = stranger.run("checkout", outcome="miracle")

    assert answer.status_code == 422
    assert "outcome must be one of success" in html.unescape(answer.text)


@pytest.mark.parametrize("slug", DEMOS)
def test_it_names_a_service_its_source_and_what_attacks_it(slug: str) -> None:
    demo = DEMOS[slug]

    assert demo.service in (*SERVICES, "site")
    assert [target for target in demo.sources if not locate(target).path] == []
    assert not demo.experiment or demo.experiment in EXPERIMENTS


@pytest.mark.parametrize("slug", [slug for slug, demo in DEMOS.items() if demo.article])
def test_its_article_is_there(slug: str) -> None:
    assert (ROOT / "articles" / "seeds" / f"{DEMOS[slug].article}.md").exists()


@pytest.mark.platform
@pytest.mark.full  # in every run, tests/test_shared_platform.py asks this once for all
def test_everything_is_conserved_after_all_the_demos(platform_url: str) -> None:
    """The demos of tests/browser have run by now, each once while a part it needs was broken."""
    Cluster().assert_conserved()
