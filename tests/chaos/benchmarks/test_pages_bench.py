"""`manage.py bench pages` prints one document, and refuses a site that does not answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos.benchmarks import pages
from chaos.benchmarks.http_load import Target, send
from compose.errors import PlainError
from compose.ports import choose_ports
from tests.articles.conftest import DELETE, WRITE, site_shell
from tests.chaos.benchmarks.test_bench_command import bench


def test_a_server_that_is_not_there_is_said_to_be() -> None:
    port = choose_ports(["nobody"], {}, taken=0)["nobody"]
    with pytest.raises(PlainError, match="does not answer"):
        send(Target(port, "/"), 8)


def test_the_bare_process_serves_and_ends_with_the_bench() -> None:
    with pages._bare() as port:
        _, times = send(Target(port, "/"), 16)
        assert len(times) == 16
        with pytest.raises(PlainError, match="404"):
            send(Target(port, "/nothing"), 8)
    with pytest.raises(PlainError, match="does not answer"):
        send(Target(port, "/"), 8)


@pytest.mark.platform
@pytest.mark.full
def test_the_pages_bench_prints_one_document(platform: object) -> None:
    site_shell(DELETE)
    site_shell(WRITE)
    try:
        measured = bench("pages", "--json", "--count", "40", "--runs", "1")
    finally:
        site_shell(DELETE)
    assert measured.returncode == 0, measured.stderr
    document: dict[str, Any] = json.loads(measured.stdout)
    assert document["bench"] == "pages"
    assert list(document["ratios"]) == ["article_vs_bare_view", "home_vs_bare_view"]
    assert document["medians"]["article"]["requests_per_second"] > 0
