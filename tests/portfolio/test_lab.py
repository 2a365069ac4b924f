"""The lab shows every service with its source, its messages, its figures and a real demo."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from cluster.health.observer.models import Gauge
from cluster.health.observer.snapshot import ServiceState
from cluster.kit.source.resolve import locate
from cluster.messaging.contract import REGISTRY
from cluster.services import MODULES
from cluster.storefront.checkout_intake import MAX_QUANTITY
from cluster.storefront.seed import PRODUCTS
from portfolio.architecture.tables import SITE_TABLES, own_tables
from portfolio.lab import time_series
from portfolio.lab.services import PARTICIPANTS, Participant, SampleCheckout
from portfolio.lab.traffic import traffic
from portfolio.lab.views import Reading
from portfolio.pages.checkouts import OUTCOMES

SAMPLES = [(one, sample) for one in PARTICIPANTS.values() for sample in one.checkouts]
NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


def test_every_service_that_runs_has_its_page() -> None:
    assert set(PARTICIPANTS) == set(MODULES)


@pytest.mark.parametrize("name", PARTICIPANTS)
def test_every_table_of_a_service_is_its_own_and_says_what_it_keeps(name: str) -> None:
    from django.apps import apps

    label = "portfolio" if name == "site" else name
    tables = {model._meta.db_table for model in apps.get_app_config(label).get_models()}
    shown = own_tables(name)
    assert {table.name for table in shown} <= tables
    assert [table.name for table in shown if not table.says] == []
    assert name != "site" or [table.name for table in shown] == list(SITE_TABLES)


@pytest.mark.parametrize("name", PARTICIPANTS)
def test_what_a_service_hears_and_says_is_what_its_contracts_declare(name: str) -> None:
    found = traffic(name)
    for entry in (*found.commands, *found.heard, *found.announced, *found.notices):
        assert entry.name in REGISTRY
        assert entry.verb
        assert locate(entry.schema)
        if entry.handler:
            assert locate(entry.handler)
    assert all(entry.name.startswith(f"{name}.") for entry in found.announced)


@pytest.mark.parametrize(("participant", "sample"), SAMPLES, ids=lambda it: it.slug)
def test_every_sample_asks_for_what_the_form_accepts(
    participant: Participant, sample: SampleCheckout
) -> None:
    assert str(sample.form_outcome) in dict(OUTCOMES)
    assert 1 <= sample.quantity <= MAX_QUANTITY
    assert sample.sku in {product.sku for product in PRODUCTS}


@pytest.mark.platform
@pytest.mark.parametrize("name", PARTICIPANTS)
def test_each_page_shows_numbers_demos_source_and_events(platform_url: str, name: str) -> None:
    page = requests.get(f"{platform_url}/lab/{name}/", timeout=10)
    assert page.status_code == 200
    for expected in (PARTICIPANTS[name].title, "Waiting in its outbox", "Start and watch"):
        assert expected in page.text
    assert 'href="/source/' in page.text
    assert 'class="headcode"' in page.text


@pytest.mark.platform
def test_the_lab_names_all_services(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/lab/", timeout=10).text
    assert [name for name in PARTICIPANTS if f'href="/lab/{name}/"' not in page] == []


@pytest.mark.platform
def test_an_unknown_service_is_answered_with_those_there_are(platform_url: str) -> None:
    answer = requests.get(
        f"{platform_url}/lab/shipping/", headers={"Accept": "application/json"}, timeout=10
    )
    assert answer.status_code == 404
    assert "there are identity, catalog, payments" in answer.json()["detail"]


@pytest.mark.platform
@pytest.mark.parametrize(
    ("service", "demo", "verb"),
    [
        ("identity", "More than the limit allows", "refused"),
        ("catalog", "Something that is sold out", "refused"),
        ("payments", "A declined card", "declined"),
    ],
)
def test_a_demo_starts_a_checkout_that_this_service_decides(
    platform_url: str, service: str, demo: str, verb: str
) -> None:
    with requests.Session() as visitor:
        page = visitor.get(f"{platform_url}/lab/{service}/", timeout=10).text
        form = page.split(f"<h3>{demo}</h3>", 1)[1].split("</form>", 1)[0]
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        answer = visitor.post(f"{platform_url}/checkouts/", data=fields, timeout=10)
        assert "/sagas/" in answer.url
        assert verb in _ended(visitor, answer.url)


def _ended(visitor: requests.Session, address: str) -> str:
    """Return the text of the saga's page, once the saga has ended."""
    from tests.conditions import eventually

    def page() -> str | None:
        text = visitor.get(address, timeout=10).text
        return text if "compensated at" in text or "completed at" in text else None

    return eventually(page)


# Numbers ---------------------------------------------------------------------------------


def point(seconds_ago: float, *, sent: float | None = 1.0, queue: int | None = 0) -> Gauge:
    at = NOW - timedelta(seconds=seconds_ago)
    return Gauge(at=at, outbox=0, queue_depth=queue, published_per_second=sent)


def course_of(monkeypatch: pytest.MonkeyPatch, points: list[Gauge]) -> time_series.Course | None:
    monkeypatch.setattr(time_series, "gauges", lambda _service, _minutes: points)
    return time_series.course_of("orders", NOW)


def test_a_time_without_measurements_is_a_gap_and_not_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = [point(300), point(290), point(100), point(90), point(80)]
    found = course_of(monkeypatch, points)
    assert found is not None
    assert [len(line.split()) for line in found.curves[0].lines] == [2, 3]


def test_what_was_never_measured_has_no_curve_and_says_so_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = course_of(monkeypatch, [point(20), point(10, sent=4.0, queue=7)])
    assert found is not None
    assert [curve.title for curve in found.curves] == [
        "Messages out",
        "Waiting in queue and outbox",
    ]
    newest = found.rows[0]
    assert (newest.sent, newest.received, newest.queued) == (4.0, None, 7)
    assert found.rows[1].sent is None


def test_without_any_measurement_there_is_no_course(monkeypatch: pytest.MonkeyPatch) -> None:
    assert course_of(monkeypatch, []) is None


def test_a_service_without_a_reading_is_not_called_healthy() -> None:
    orders = PARTICIPANTS["orders"]
    assert Reading(orders, None, []).words == "no reading"
    assert Reading(orders, ServiceState(name="orders", code="ORD", healthy=None), []).words == (
        "no reading"
    )
    assert Reading(orders, ServiceState(name="orders", code="ORD", healthy=False), []).words == (
        "not in order"
    )
