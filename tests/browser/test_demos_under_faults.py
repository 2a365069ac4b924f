"""Every demo in Chromium while the fault of the experiment that attacks it is in force."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.storm import steps_of
from portfolio.demos.registry import DEMOS
from tests.browser.test_demos import HEADLINE, expect_a_result_in_which_all_holds, press
from tests.conftest import Broken
from tests.sampling import all_in_full

pytestmark = [pytest.mark.platform, pytest.mark.browser, pytest.mark.fault]

SEED: Final = 7  # of the storm
ATTEMPTS: Final = 4
A_SENTENCE: Final = re.compile(r"\w.*\.$")


def press_as_long_as_something_is_away(page: Page, url: str, slug: str) -> None:
    """Run a demo until it has a result. A demo that meets the fault says so in a sentence."""
    for _ in range(ATTEMPTS):
        press(page, slug)
        told = page.locator(f"{HEADLINE}, .notice")
        expect(told).to_have_text(A_SENTENCE)
        if page.locator(HEADLINE).count():
            return
        page.goto(url)


ALWAYS: Final = ("outbox", "circuit-breaker")  # a killed relay, a slow link


@pytest.mark.parametrize("slug", all_in_full(DEMOS, always=ALWAYS))
def test_every_invariant_holds(
    page: Page, complaints: list[str], platform_url: str, broken: Broken, slug: str
) -> None:
    url = f"{platform_url}/lab/demos/{slug}/"
    page.goto(url)

    with ExitStack() as breaking:
        for step in steps_of(EXPERIMENTS[DEMOS[slug].experiment], SEED):
            if step.at == 0:  # the first faults of the experiment
                breaking.enter_context(broken(step.fault, step.target, **step.parameters))
        press_as_long_as_something_is_away(page, url, slug)

    expect_a_result_in_which_all_holds(page)
    assert complaints == []
