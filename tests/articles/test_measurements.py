"""Recorded measurements, with their machine, date and command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from articles import measurements
from articles.measurements import Cell, load
from articles.problems import Refused

FROM = {
    "command": "python3 manage.py bench pipeline",
    "revision": "abc1234",
    "machine": {"cpu": "AMD EPYC", "cores": 2, "memory_mb": 8192},
    "measured_on": "2026-11-22",
}
BENCH = {
    **FROM,
    "runs": [
        {"idle": {"p50_ms": 99.0}, "pipeline": {"checkouts_per_second": 1190.0}},
        {"idle": {"p50_ms": 101.5}, "pipeline": {"checkouts_per_second": 1210.0}},
    ],
    "medians": {"idle": {"p50_ms": 100.25}, "pipeline": {"checkouts_per_second": 1200.0}},
}


def written(folder: Path, document: Any) -> Path:
    (folder / "one.json").write_text(json.dumps(document))
    return folder


def test_a_benchs_document_is_a_table_of_medians_and_ranges(tmp_path: Path) -> None:
    found = load("one", folder=written(tmp_path, BENCH))
    assert found.columns == ("What ran", "Figure", "Median", "Range of 2 runs")
    assert found.rows == (
        (Cell("idle"), Cell("p50"), Cell("100.2 ms", True), Cell("99 to 101.5", True)),
        (
            Cell("pipeline"),
            Cell("checkouts"),
            Cell("1,200 /s", True),
            Cell("1,190 to 1,210", True),
        ),
    )
    assert found.machine == "2 cores of AMD EPYC, 8 GB"


def test_only_the_groups_that_are_asked_for_are_shown(tmp_path: Path) -> None:
    found = load("one", show=("pipeline",), folder=written(tmp_path, BENCH))
    assert [row[0].text for row in found.rows] == ["pipeline"]


def test_a_document_may_bring_its_own_table(tmp_path: Path) -> None:
    document = {**FROM, "columns": ["fault", "seconds"], "rows": [["broker", 11.4], ["none", None]]}
    found = load("one", folder=written(tmp_path, document))
    assert found.rows == (
        (Cell("broker"), Cell("11.4", True)),
        (Cell("none"), Cell("not measured")),
    )


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({**BENCH, "revision": ""}, "The measurement “one” does not say its revision."),
        ({**FROM}, "The measurement “one” has neither rows nor medians."),
        ({**FROM, "columns": ["a"], "rows": [[1, 2]]}, "do not fit its columns."),
    ],
)
def test_a_measurement_that_does_not_say_enough_is_refused(
    tmp_path: Path, document: Any, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        load("one", folder=written(tmp_path, document))


def test_an_unknown_group_or_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no “naive”; it has: idle, pipeline"):
        load("one", show=("naive",), folder=written(tmp_path, BENCH))
    with pytest.raises(Refused, match=r"There is no measurement “\.\./one”"):
        load("../one", folder=tmp_path)


@pytest.mark.parametrize("name", measurements.names())
def test_every_recorded_measurement_can_be_printed(name: str) -> None:
    assert load(name).rows
