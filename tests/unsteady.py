"""A pytest plugin that records the result of a run, and which failures may be tried once more.

Only a test whose own wait was over (DeadlineMissed, or one of the browser's waits), on a platform
whose invariants all hold, may be tried again. A violated invariant, a lost or doubled message and
a crash fail the run, however rare they are.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import TimeoutError as BrowserTimeout

from tests.commands import manage
from tests.conditions import DeadlineMissed

PATIENCE: Final = 240  # seconds for a verdict


class Result:
    """A plugin that counts the outcomes of a run, and writes them to a file at its end.

    It appends each failure at once to a text beside that file, so that a reader need not wait for
    the end of a long run.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._text = file.with_suffix(".failures")
        self._text.unlink(missing_ok=True)
        self._counts: Counter[str] = Counter()
        self._failures: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            found = self._failures.setdefault(
                report.nodeid, {"test": report.nodeid, "reason": _reason(report), "again": True}
            )
            found["again"] = found["again"] and getattr(report, "deadline_missed", False)
            with self._text.open("a") as text:
                text.write(f"{report.nodeid} ({report.when})\n{report.longreprtext}\n\n")
        elif report.when == "call" or report.skipped:
            self._counts[report.outcome] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failures[report.nodeid] = {
                "test": report.nodeid,
                "reason": "it cannot be collected",
                "again": False,
            }

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return  # interrupted or broken, and a run without a result has failed
        document = {
            "passed": self._counts["passed"],
            "skipped": self._counts["skipped"],
            "failures": list(self._failures.values()),
        }
        self._file.write_text(json.dumps(document))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--result", type=Path, help="write the outcome as JSON to this file")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--result")
    if file is not None and not hasattr(config, "workerinput"):  # the workers' reports reach it
        config.pluginmanager.register(Result(file))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.excinfo is not None and is_missed_deadline(call.excinfo):
        report.deadline_missed = not _shows_violations(item)  # type: ignore[attr-defined]
    return report


def is_missed_deadline(failure: pytest.ExceptionInfo[BaseException]) -> bool:
    """Return whether the test failed because a wait of ours or of Playwright was over."""
    if failure.errisinstance((DeadlineMissed, BrowserTimeout)):
        return True
    last = failure.traceback[-1].path
    return failure.errisinstance(AssertionError) and "playwright" in Path(last).parts


def _shows_violations(item: pytest.Item) -> bool:
    """Return whether the platform violates an invariant, which explains why the test waited.

    False for sabotage, which violates invariants on purpose, and when there is no verdict.
    """
    uses_platform = "platform" in getattr(item, "fixturenames", ())
    if not uses_platform or item.get_closest_marker("sabotage") is not None:
        return False
    try:
        done = manage("cluster", "verify", "--json", within=PATIENCE)
        findings = json.loads(done.stdout)["invariants"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return False  # no verdict, so no violation was seen
    return any(finding["outcome"] == "fail" for finding in findings)


def _reason(report: pytest.TestReport) -> str:
    """Return the first line of a failure's message, at most 300 characters."""
    crash = getattr(report.longrepr, "reprcrash", None)
    words = crash.message if crash is not None else str(report.longrepr)
    return (words.strip().splitlines() or [""])[0][:300]
