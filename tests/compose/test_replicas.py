"""The setting REPLICAS, and the worker processes that it adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose.errors import Misuse
from compose.processes import addresses, services
from compose.replicas import parse_replicas
from tests.compose.conftest import ALL_PORTS


@pytest.fixture(autouse=True)
def no_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORTFOLIO_RUN_DIR", str(tmp_path))


def test_a_service_that_is_not_named_has_one_worker() -> None:
    assert parse_replicas("orders=2, catalog=3") == {
        "site": 1,
        "identity": 1,
        "catalog": 3,
        "orders": 2,
        "payments": 1,
        "checkout": 1,
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("orders", "wants '' workers of orders; it takes 1 to 8"),
        ("orders=0", "wants '0' workers of orders"),
        ("orders=9", "wants '9' workers of orders"),
        ("orders=many", "wants 'many' workers of orders"),
        ("order=2", "names 'order', which is no service"),
        ("site=2", "its journal is one gapless sequence"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Misuse, match=sentence):
        parse_replicas(text)
    with pytest.raises(Misuse, match=sentence):
        addresses([], ALL_PORTS, {"REPLICAS": text}, web_port=8000)


def test_up_records_what_the_environment_asks_for() -> None:
    surroundings = {"REPLICAS": "orders=2"}
    assert addresses([], ALL_PORTS, surroundings, web_port=8000)["REPLICAS"] == "orders=2"
    assert "REPLICAS" not in addresses([], ALL_PORTS, {}, web_port=8000)


def test_each_replica_is_a_process_that_knows_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICAS", "orders=2")
    workers = {
        process.name: process.command[3:]
        for process in services()
        if process.name.startswith("worker-")
    }
    assert workers == {
        "worker-site": ("site",),
        "worker-identity": ("identity",),
        "worker-catalog": ("catalog",),
        "worker-orders-1": ("orders", "1"),
        "worker-orders-2": ("orders", "2"),
        "worker-payments": ("payments",),
        "worker-checkout": ("checkout",),
    }
