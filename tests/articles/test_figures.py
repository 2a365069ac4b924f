"""A page draws its figures from real data, or says in words that there is none."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest

from articles.figures import FIGURES, assets, fill, lease_rotation, outbox_depth, picture, sparkline
from articles.figures.fill import NOT_NOW
from articles.markdown import render
from cluster.health.observer.snapshot import Lease, ServiceState, Snapshot
from cluster.storefront.events import CODES
from tests.observed import snapshot
from tests.outages import outage


def text_with(figure: str) -> str:
    rendered = render(f"Before.\n\n::: figure {figure}\nThe *caption*.\n:::\n\nAfter.\n")
    assert rendered.problems == []
    return rendered.html


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """A snapshot as the observer publishes it, without any history."""
    services = [
        ServiceState(
            name=name,
            code=code,
            healthy=True,
            outbox=number,
            outbox_age_seconds=0.5,
            published_per_second=2.25,
            lease=Lease(role=f"lease_{name}", remaining_seconds=30.0, sessions=number),
        )
        for number, (name, code) in enumerate(CODES.items())
    ]
    seen = snapshot(services=services)
    for module in (outbox_depth, lease_rotation):
        monkeypatch.setattr(module, "latest", lambda: seen)
    monkeypatch.setattr(outbox_depth, "_history", lambda _minutes: {"site": [(10.0, 3.0)]})
    monkeypatch.setattr(lease_rotation, "_rotations", lambda _count: [])
    return seen


def test_outboxes_show_what_the_observer_counted(observed: Snapshot) -> None:
    drawn = str(fill(text_with("outbox-depth")))
    assert '<tr data-service="site">' in drawn
    assert '<td class="right" data-field="outbox">5</td>' in drawn  # the last service
    assert "2.2/s" in drawn or "2.3/s" in drawn
    assert 'aria-label="At most 3 waited"' in drawn
    assert drawn.count("nothing recorded") == len(CODES) - 1
    assert '<span class="number">Figure 1</span> The <em>caption</em>.' in drawn


def test_leases_show_what_remains(observed: Snapshot) -> None:
    drawn = str(fill(text_with("lease-rotation")))
    assert "lease_orders" in drawn
    assert '<td class="right" data-field="remaining">30 s</td>' in drawn
    assert f'class="rest" width="{lease_rotation.BAR / 2}"' in drawn
    assert "The journal has recorded no rotation lately." in drawn


def test_both_can_leave_the_site_as_a_picture(observed: Snapshot) -> None:
    for name in ("outbox-depth", "lease-rotation"):
        drawn = picture(name)
        assert drawn is not None
        assert drawn.startswith("<svg ")
        assert "var(--" not in drawn


def test_without_the_observer_the_figures_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (outbox_depth, lease_rotation):
        monkeypatch.setattr(module, "latest", lambda: None)
    monkeypatch.setattr(lease_rotation, "_rotations", lambda _count: None)
    assert "the observer is away" in fill(text_with("outbox-depth"))
    assert "the observer and the database are away" in fill(text_with("lease-rotation"))
    assert picture("outbox-depth") is None
    assert picture("lease-rotation") is None


def test_a_figure_that_fails_leaves_its_caption_and_the_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_args: Any) -> None:
        raise outage()

    monkeypatch.setattr(outbox_depth, "draw", broken)
    drawn = fill(text_with("outbox-depth"))
    assert f'<p class="absence">{escape(NOT_NOW)}</p>' in drawn
    assert "<p>Before.</p>" in drawn
    assert "The <em>caption</em>." in drawn
    assert "<p>After.</p>" in drawn


def test_a_figure_that_is_no_more_says_so() -> None:
    assert "There is no figure “gone” any more." in fill(
        '<div data-figure="gone" data-options="{}"></div>'
    )


def test_a_page_links_what_its_figures_need_once() -> None:
    needs = assets(text_with("outbox-depth") + text_with("lease-rotation") * 2)
    assert needs.stylesheets == ("articles/figures.css",)
    assert needs.scripts == ("articles/outbox-depth.js", "articles/lease-rotation.js")
    assert assets("<p>x</p>").scripts == ()


def test_a_name_outside_of_a_text_may_have_options() -> None:
    assert picture("nothing") is None
    assert picture("train-graph window=none") is None


def test_a_sparkline_runs_from_old_to_new_on_a_shared_scale() -> None:
    assert sparkline.points([(0.0, 4.0), (60.0, 0.0)], seconds=60, top=4) == "2.0,26.0 158.0,2.0"
    assert sparkline.points([(61.0, 1.0)], seconds=60, top=4) == ""


@pytest.mark.platform
@pytest.mark.parametrize("name", [name for name in FIGURES if name != "incident"])
def test_every_figure_is_drawn_from_the_running_cluster(
    name: str, platform: object, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        drawn = fill(text_with(name))
    assert "data-figure" not in drawn
    assert NOT_NOW not in drawn
