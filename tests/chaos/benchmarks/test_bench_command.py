"""`manage.py bench` prints one document of a fixed shape, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import amqp
import psycopg
import pytest

from chaos.benchmarks.document import Result, medians, percentile
from chaos.benchmarks.dual_write import QUEUE
from chaos.benchmarks.naive.app import QUEUES
from chaos.benchmarks.registry import BENCHES
from chaos.benchmarks.scratch import address
from cluster.messaging.topology import connect
from config.environment import DATABASES, ROOT


def bench(*arguments: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7.0], 99) == 7.0


def test_medians_are_taken_figure_by_figure_and_leave_out_what_is_unknown() -> None:
    runs: list[dict[str, Any]] = [
        {"load": {"rate": 10.0, "cost": None}},
        {"load": {"rate": 30.0, "cost": 4.0}},
        {"load": {"rate": 20.0, "cost": None}},
    ]
    assert medians(runs) == {"load": {"rate": 20.0, "cost": 4.0}}


def test_a_ratio_compares_two_medians() -> None:
    runs = [{"fast": {"rate": 20.0}, "peak": 4.0}, {"fast": {"rate": 40.0}, "peak": 12.0}]
    result = Result.of("speed", runs, versions={}, ratios={"fast_vs_peak": ("fast.rate", "peak")})
    assert result.medians == {"fast": {"rate": 30.0}, "peak": 8.0}
    assert result.ratios == {"fast_vs_peak": 3.75}


def test_an_unknown_bench_is_misuse() -> None:
    refused = bench("speed")
    assert (refused.returncode, refused.stdout) == (2, "")
    known = ", ".join(BENCHES)
    assert refused.stderr.strip() == f"There is no bench 'speed'; there is: {known}."


@pytest.mark.parametrize("arguments", [("--count", "0"), ("--count", "1000000"), ("--runs", "0")])
def test_an_amount_that_makes_no_sense_is_misuse(arguments: tuple[str, str]) -> None:
    refused = bench("pipeline", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "must lie between" in refused.stderr


def test_a_platform_that_does_not_run_is_said_to(tmp_path: Path) -> None:
    refused = bench("pipeline", "--json", PORTFOLIO_RUN_DIR=str(tmp_path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "The platform does not run" in refused.stderr


@pytest.mark.platform
@pytest.mark.full
def test_the_pipeline_bench_prints_one_document_and_leaves_nothing_behind(
    platform: object, broker_url: str
) -> None:
    measured = bench("pipeline", "--json", "--count", "10", "--runs", "1")
    assert measured.returncode == 0, measured.stderr
    document: dict[str, Any] = json.loads(measured.stdout)
    assert list(document) == ["bench", "machine", "versions", "runs", "medians", "ratios"]
    assert list(document["ratios"]) == ["vs_naive_celery", "vs_bare_limit"]
    assert document["medians"]["pipeline"]["completed"] == 10
    assert document["medians"]["pipeline"]["events"] == 140
    assert left_databases() == []
    assert left_queues(broker_url) == []


@pytest.mark.platform
@pytest.mark.full
def test_the_dual_write_bench_drains_its_outbox_and_leaves_nothing_behind(
    platform: object, broker_url: str
) -> None:
    measured = bench("dual-write", "--json", "--count", "10", "--runs", "1")
    assert measured.returncode == 0, measured.stderr
    outbox = json.loads(measured.stdout)["medians"]["outbox"]
    assert outbox["orders"] > 0
    assert (outbox["never_announced"], outbox["announced_but_never_stored"]) == (0, 0)
    assert left_databases() == []
    assert left_queues(broker_url) == []


def left_databases() -> list[str]:
    left = []
    for database in DATABASES:
        with psycopg.connect(**address(database, name="postgres")) as connection:
            left += connection.execute(
                "SELECT datname FROM pg_database WHERE datname = 'bench'"
            ).fetchall()
    return left


def left_queues(broker_url: str) -> list[str]:
    connection = connect(broker_url)
    left = []
    for name in [*QUEUES.values(), QUEUE, "bench.bare.inbox", "bench.bare.journal"]:
        try:
            connection.channel().queue_declare(name, passive=True)
        except amqp.NotFound:
            continue
        left.append(name)
    connection.close()
    return left
