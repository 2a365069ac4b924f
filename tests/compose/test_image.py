"""The image holds the product without its tests, so no file of the product may need them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.environment import ROOT

PACKAGES = ("articles", "chaos", "cluster", "compose", "config", "portfolio")
# An import, a module to run, or a listing in an article.
OF_THE_TESTS = re.compile(r'^\s*(?:import|from|::: listing) tests\b|"-m", "tests\b', re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_of_the_product_needs_a_module_of_the_tests(package: str) -> None:
    needing = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in {".py", ".md"} and needs_tests(path)
    ]
    assert needing == []


def needs_tests(path: Path) -> bool:
    return OF_THE_TESTS.search(path.read_text()) is not None


@pytest.mark.parametrize(
    "line",
    ["from tests.benchmarks.table import x", 'argv = ["-m", "tests.x"]', "::: listing tests.a:b"],
)
def test_such_a_file_is_recognised(line: str, tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_text(line)
    assert needs_tests(file)


def test_what_an_article_quotes_of_a_test_is_what_stands_there() -> None:
    """Articles quote a test, since the image could not show a listing of it."""
    article = (ROOT / "articles" / "seeds" / "saga-vs-two-phase-commit.md").read_text()
    quoted = re.search(
        r'^```python title="[^"]*`(tests/[^`]+)`[^"]*"\n(.+?)^```$',
        article,
        re.MULTILINE | re.DOTALL,
    )
    assert quoted is not None
    assert (ROOT / quoted[1]).read_text().startswith(quoted[2])


def test_what_exported_experiments_are_run_with_is_installed_with_the_platform() -> None:
    lock = (ROOT / "compose" / "locks" / "run.txt").read_text()
    assert re.search(r"^chaostoolkit==", lock, re.MULTILINE)
