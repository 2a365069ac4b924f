"""Every demo in Chromium while the fault of the experiment that attacks it is in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.document import steps_of
from chaos.faults.engine import Engine
from portfolio.demos.registry import DEMOS
from tests.browser.test_demos import HEADLINE, VIOLATED, press

pytestmark = [pytest.mark.platform, pytest.mark.browser, pytest.mark.fault]

SEED: Final = 7  # of the storm
LIFE: Final = 30.0  # seconds; the watchdog's bound, should this process die
PATIENCE: Final = 20.0  # seconds to heal
ATTEMPTS: Final = 4
A_SENTENCE: Final = re.compile(r"\w.*\.$")


@contextmanager
def the_fault_of(experiment: str) -> Iterator[None]:
    """What the experiment breaks first, by the engine that breaks it for visitors."""
    engine = Engine()
    armed = [
        engine.inject(
            fault=step.fault,
            target=step.target,
            seconds=LIFE,
            actor="a test",
            parameters=step.parameters,
        )[0]
        for step in steps_of(EXPERIMENTS[experiment], SEED)
        if step.at == 0
    ]
    try:
        yield
    finally:
        for one in armed:
            engine.heal(one, patience=PATIENCE)


def press_as_long_as_something_is_away(page: Page, url: str, slug: str) -> None:
    """As whoever reads what a demo says that has met it: in a sentence, and no result."""
    for _ in range(ATTEMPTS):
        press(page, slug)
        told = page.locator(f"{HEADLINE}, .notice")
        expect(told).to_have_text(A_SENTENCE)
        if page.locator(HEADLINE).count():
            return
        page.goto(url)


@pytest.mark.parametrize("slug", DEMOS)
def test_every_invariant_holds(
    page: Page, complaints: list[str], platform_url: str, slug: str
) -> None:
    page.goto(f"{platform_url}/lab/demos/{slug}/")

    with the_fault_of(DEMOS[slug].experiment):
        press_as_long_as_something_is_away(page, f"{platform_url}/lab/demos/{slug}/", slug)

    expect(page.locator(HEADLINE)).to_be_visible()
    assert page.locator("table.checks tbody tr").count() >= 1
    assert page.locator(VIOLATED).count() == 0, page.locator("table.checks").inner_text()
    assert complaints == []
