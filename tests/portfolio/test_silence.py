"""Every module and every browser counts a part as silent after the same time."""

from __future__ import annotations

import re
from pathlib import Path

from cluster import worker
from cluster.health import progress
from cluster.health.checkers import rest
from cluster.health.observer import health
from cluster.messaging import heartbeats
from cluster.operations import status, status_view
from cluster.storefront.stream.consumer import SPEAK_ANYWAY
from config.environment import ROOT
from portfolio.edge import health as edge_health

FOLDERS = ("articles", "chaos", "cluster", "compose", "config", "portfolio")
# A number whose name says that it is about silence or a late heartbeat.
OWN_NUMBER = re.compile(r"^(SILENT_AFTER|HEARTBEAT_LATE|BEAT_OVERDUE)\b.*= *[\d(t]", re.MULTILINE)


def declared_in(pattern: re.Pattern[str], ending: str) -> list[str]:
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob(f"*{ending}"))
    return sorted(str(file.relative_to(ROOT)) for file in files if pattern.search(file.read_text()))


def test_every_judge_counts_by_the_same_number() -> None:
    assert {
        module.SILENT_AFTER for module in (rest, health, worker, status, status_view, edge_health)
    } == {progress.SILENT_AFTER}
    assert declared_in(OWN_NUMBER, ".py") == ["cluster/health/progress.py"]
    assert progress.SILENT_AFTER > 3 * heartbeats.EVERY


def test_browsers_count_by_it_too() -> None:
    number = re.compile(r"^(?:export )?const SILENCE = (\d+)", re.MULTILINE)
    assert declared_in(number, ".js") == ["cluster/kit/static/kit/reconnection.js"]
    found = number.search(Path(ROOT / "cluster/kit/static/kit/reconnection.js").read_text())
    assert found is not None
    assert int(found[1]) == 1000 * progress.SILENT_AFTER
    assert 2 * SPEAK_ANYWAY < progress.SILENT_AFTER
