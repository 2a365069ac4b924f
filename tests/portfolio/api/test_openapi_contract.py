"""Schemathesis, with every check, finds no difference between the document and the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SECONDS, SECONDS_IN_FULL = 10, 60

# A missing key is 400 in draft-ietf-httpapi-idempotency-key-header. No schema can say whether a
# product, an order or a setting exists, so a body that names an unknown one is answered with 422.
CONFIGURATION = """
[checks.missing_required_header]
expected-statuses = [400]

[[operations]]
include-name = ["POST /checkouts", "POST /refunds"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 409, 422, 429]

# Every stranger at one address shares its keys: an example's key comes again with another body.
[[operations]]
include-name = ["POST /erasures", "POST /products"]
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 409, 422, 429]

# They break the platform that other tests share; test_experiments.py tries them.
[[operations]]
include-name = ["POST /experiments/{name}/runs", "POST /experiments/composed/runs"]
enabled = false

[[operations]]
include-name = "POST /demos/{slug}/runs"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 404, 422, 429]
"""


def test_nothing_that_schemathesis_tries_finds_a_difference(
    platform_url: str, tmp_path: Path, in_full: bool
) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    tried = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(configuration),
            "--no-color",
            "run",
            f"{platform_url}/api/v1/openapi.json",
            "--checks",
            "all",
            "--max-time",
            str(SECONDS_IN_FULL if in_full else SECONDS),
            "--max-examples",
            "50" if in_full else "15",
            "--continue-on-failure",
            "--warnings",
            "off",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout[-20_000:] + tried.stderr[-2_000:]
