"""A demo whose process has just been killed waits for it, and its invariants hold."""

from __future__ import annotations

import signal

import pytest

from compose.supervisor import Supervisor
from tests.portfolio.demos.test_every_demo import Stranger, checks

pytestmark = pytest.mark.platform


@pytest.mark.parametrize(
    ("slug", "process"),
    [
        ("outbox", "relay-site"),
        ("refund", "worker-payments"),
        ("erasure", "worker-orders"),
        ("event-flow", "relay-checkout"),
    ],
)
def test_it_waits_for_what_was_killed(platform_url: str, slug: str, process: str) -> None:
    Supervisor.connect().kill(process, signal.SIGKILL)

    page = Stranger(platform_url).run(slug)

    found = checks(page.text)
    assert found, page.text
    assert [name for name, words in found if words == "violated"] == []
