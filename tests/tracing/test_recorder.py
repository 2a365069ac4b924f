"""Spans leave the process in a thread of their own, and delay no other thread."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster.health.observer.span_store import KeptSpan, SpanStore
from cluster.health.observer.spans import decode
from tests.observed import kept_span

# An ending process waits two seconds for its last spans, too short for a busy machine. This test
# is about their receiver, so its process waits longer.
A_SPAN = """
import sys
from cluster.tracing import recorder
from cluster.tracing.recorder import record
from cluster.tracing.recorder import Kind, Span
recorder.PARTING = 20.0
ids = ("a" * 32, "b" * 16, "c" * 16)
record(lambda: [Span("deed", Kind.INTERNAL, *ids, 10**18, 2 * 10**18, {"n": 1})])
assert "opentelemetry.sdk" not in sys.modules
"""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[KeptSpan]]]:
    """The address of a server that takes spans by OTLP, and the spans that have come."""
    came: list[KeptSpan] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.extend(decode(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever)
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
    server.server_close()


def run(**environment: str) -> float:
    """Run a process that records a span and ends, and return the seconds that it takes."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", A_SPAN], check=True, env=environment, timeout=30)
    return time.monotonic() - began


def test_a_process_that_ends_at_once_still_sends_its_span(
    receiver: tuple[str, list[KeptSpan]], tmp_path: Path
) -> None:
    address, came = receiver

    run(OBSERVER_URL=address, PORTFOLIO_RUN_DIR=str(tmp_path), PROCESS_NAME="worker-orders")

    [span] = came
    assert (span.name, span.service, span.milliseconds) == ("deed", "worker-orders", 1e12)
    assert (span.trace_id, span.span_id, span.parent_id) == ("a" * 32, "b" * 16, "c" * 16)


def test_the_standard_variable_names_a_second_receiver(
    receiver: tuple[str, list[KeptSpan]], tmp_path: Path
) -> None:
    address, came = receiver

    run(OTEL_EXPORTER_OTLP_ENDPOINT=address, PORTFOLIO_RUN_DIR=str(tmp_path))

    assert [span.name for span in came] == ["deed"]


def test_a_receiver_that_is_away_keeps_nobody(tmp_path: Path) -> None:
    assert run(OBSERVER_URL="http://127.0.0.1:9", PORTFOLIO_RUN_DIR=str(tmp_path)) < 10


def kept(number: int, **changes: Any) -> KeptSpan:
    usual = {"trace_id": f"{number % 2:032x}", "start": number, "end": number}
    return kept_span(f"{number:016x}", **{**usual, **changes})


def test_a_span_that_comes_twice_is_kept_once(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "spans.sqlite3")

    store.keep([kept(1), kept(1)])
    store.keep([kept(1, attributes={"later": True})])

    assert store.trace(f"{1:032x}") == [kept(1)]
    store.close()


def test_the_store_is_bounded_by_number_and_by_age(tmp_path: Path) -> None:
    now = 1_000_000.0
    store = SpanStore(tmp_path / "spans.sqlite3", most=10, clock=lambda: now)
    store.keep([kept(number) for number in range(50)])
    now += 60
    store.keep([kept(51)])
    assert store.count() == 10

    now += 25 * 3600
    store.keep([kept(52)])
    assert store.count() == 1
    store.close()
