"""Write the Grafana dashboard: python -m compose.grafana.dashboard.

The JSON beside this file is its output; a test fails when they differ, or when a panel asks for
a metric that /metrics does not have. Import it in Grafana, and choose a Prometheus there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent / "working-timetable.json"
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24  # of Grafana's grid
HEIGHT: Final = 8

RATE_BY_STATUS: Final = (
    "sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count[1m]))"
)
SLOWEST_ROUTES: Final = (
    "histogram_quantile(0.95, sum by (le, http_route) "
    "(rate(http_server_request_duration_seconds_bucket[5m])))"
)
OUR_FAULT: Final = (
    'sum(rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[5m])) / '
    "sum(rate(http_server_request_duration_seconds_count[5m]))"
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: queries, each with the form of its legend. `unit` is Grafana's name for it."""

    title: str
    says: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"


ROWS: Final[tuple[tuple[str, tuple[Panel, ...]], ...]] = (
    (
        "Is it well?",
        (
            Panel(
                "Steady",
                "1 while every process does its work.",
                (("cluster_steady", "steady"), ("cluster_observed", "observed")),
                kind="stat",
            ),
            Panel(
                "Processes away or idle",
                "Those that do not run, or run and do no work.",
                (("cluster_process_healthy == 0", "{{process}}"),),
            ),
            Panel(
                "Workers that consume",
                "A worker may be connected and not consume; the watchdog then replaces it.",
                (("cluster_process_consuming", "{{process}}"),),
            ),
            Panel(
                "Restarts",
                "How often the supervisor has started a process again.",
                (("increase(cluster_process_restarts_total[5m])", "{{process}}"),),
            ),
        ),
    ),
    (
        "Messages",
        (
            Panel(
                "Waiting in outboxes",
                "Committed and not confirmed by the broker.",
                (("cluster_outbox_messages", "{{service}}"),),
            ),
            Panel(
                "Age of the oldest in an outbox",
                "A relay drains within milliseconds; more than 10 s means that it cannot.",
                (("cluster_outbox_age_seconds", "{{service}}"),),
                unit="s",
            ),
            Panel(
                "Waiting in queues",
                "Confirmed and not applied.",
                (("cluster_queue_messages", "{{service}}"),),
            ),
            Panel(
                "Consumers of queues",
                "By the broker's own count.",
                (("cluster_queue_consumers", "{{service}}"),),
            ),
            Panel(
                "Stalled queues",
                "How long the oldest message has not moved while a worker claims to consume it.",
                (("cluster_queue_stalled_seconds", "{{service}}"),),
                unit="s",
            ),
            Panel(
                "Published a second",
                "Messages that leave the outboxes.",
                (("cluster_published_per_second", "{{service}}"),),
                unit="ops",
            ),
            Panel(
                "Applied a second",
                "Messages whose effects are committed; the site records all of them.",
                (("cluster_consumed_per_second", "{{service}}"),),
                unit="ops",
            ),
            Panel(
                "Deduplicated",
                "Duplicates that were ignored.",
                (("rate(cluster_deduplicated_messages_total[5m])", "{{service}}"),),
                unit="ops",
            ),
            Panel(
                "Parked, and given up",
                "Waiting for an earlier message, and in the dead letters.",
                (
                    ("cluster_parked_messages", "{{service}}, parked"),
                    ("cluster_dead_letters", "{{service}}, dead letters"),
                ),
            ),
        ),
    ),
    (
        "Checkouts, journal and leases",
        (
            Panel(
                "Checkouts in flight",
                "Forward, and on their way back.",
                (('cluster_sagas{state=~"running|compensating"}', "{{state}}"),),
            ),
            Panel(
                "Checkouts that ended, a second",
                "Completed or compensated.",
                (('deriv(cluster_sagas{state=~"completed|compensated"}[5m])', "{{state}}"),),
                unit="ops",
            ),
            Panel(
                "The journal",
                "Entries a second, and how far it is behind the messages.",
                (
                    ("rate(cluster_journal_entries_total[1m])", "entries a second"),
                    ("cluster_journal_lag_seconds", "behind by seconds"),
                ),
            ),
            Panel(
                "Leases",
                "Time until the login of a service's newest lease ends.",
                (("cluster_lease_remaining_seconds", "{{service}}"),),
                unit="s",
            ),
        ),
    ),
    (
        "Web",
        (
            Panel(
                "Requests a second",
                "By their status.",
                (
                    (
                        RATE_BY_STATUS,
                        "{{http_response_status_code}}",
                    ),
                ),
                unit="reqps",
            ),
            Panel(
                "Duration, 95th percentile",
                "By the template of the route.",
                (
                    (
                        SLOWEST_ROUTES,
                        "{{http_route}}",
                    ),
                ),
                unit="s",
            ),
            Panel(
                "Answers that are our fault",
                "Of all requests, the part that was answered with 5xx.",
                (
                    (
                        OUR_FAULT,
                        "5xx",
                    ),
                ),
                unit="percentunit",
            ),
            Panel(
                "Memory",
                "Resident, of each process with its children.",
                (("cluster_process_resident_memory_bytes", "{{process}}"),),
                unit="bytes",
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """Return the whole dashboard, as Grafana imports it."""
    return {
        "uid": "working-timetable",
        "title": "Working Timetable",
        "tags": ["working-timetable"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": _panels(),
    }


def queries() -> list[str]:
    """Return every query of every panel."""
    return [query for _, panels in ROWS for panel in panels for query, _ in panel.queries]


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    y = 0
    for title, panels in ROWS:
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        row = {"id": len(found) + 1, "type": "row", "title": title, "gridPos": place}
        found.append({**row, "collapsed": False, "panels": []})
        y += 1
        found += _laid_out(panels, y, first=len(found) + 1)
        y += HEIGHT * -(-len(panels) // 4)
    return found


def _laid_out(panels: Sequence[Panel], y: int, *, first: int) -> list[dict[str, Any]]:
    """Return the panels as Grafana has them, four in a line."""
    width = COLUMNS // 4
    return [
        {
            "id": first + number,
            "type": panel.kind,
            "title": panel.title,
            "description": panel.says,
            "datasource": DATASOURCE,
            "gridPos": {
                "x": width * (number % 4),
                "y": y + HEIGHT * (number // 4),
                "w": width,
                "h": HEIGHT,
            },
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + n),
                    "datasource": DATASOURCE,
                    "expr": query,
                    "legendFormat": legend,
                }
                for n, (query, legend) in enumerate(panel.queries)
            ],
        }
        for number, panel in enumerate(panels)
    ]


def text() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=2) + "\n"


def main() -> None:
    FILE.write_text(text())


if __name__ == "__main__":
    main()
