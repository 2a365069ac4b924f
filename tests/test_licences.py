"""Every installed package has a licence that allows what this repository does with it."""

from __future__ import annotations

import re
from email.message import Message
from importlib.metadata import Distribution, distributions
from typing import cast

import pytest

# To use and to pass on, also with an image: permissive, or a copyleft of its own files or library.
ALLOWED = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0",
    "OFL-1.1", "PSF-2.0", "TCL", "Unlicense", "ZPL-2.1",
}  # fmt: skip
# How packages with older metadata name the same ones.
NAMES = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
NO_LICENCES = {"DFSG approved", "Freely Distributable", "OSI Approved"}  # among the classifiers
# Their metadata are silent; the packages hold the licence's text.
SAID_ELSEWHERE = {"axe-playwright-python": "MIT", "resvg-py": "MIT"}


def licences(package: Distribution) -> set[str]:
    """Return the SPDX names of all licences in a package's metadata."""
    metadata = cast("Message", package.metadata)  # typed without its `get`
    expression = metadata.get("License-Expression")
    if expression:
        return set(re.split(r" (?:AND|OR) ", expression.replace("(", "").replace(")", "")))
    classifiers = [each for each in metadata.get_all("Classifier") or [] if "License ::" in each]
    named = {each.rpartition(" :: ")[2] for each in classifiers} - NO_LICENCES
    named = named or {(metadata.get("License") or "").partition("\n")[0]} - {""}
    if not named:
        named = {SAID_ELSEWHERE.get(package.name.replace("_", "-"), "")} - {""}
    return {NAMES.get(each, each) for each in named}


PACKAGES = sorted(distributions(), key=lambda package: package.name.lower())


def test_the_environment_is_the_one_that_the_lock_names() -> None:
    assert len(PACKAGES) > 100


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_each_package_has_an_allowed_licence(package: Distribution) -> None:
    found = licences(package)
    assert found, "its metadata name none: read its repository"
    assert found <= ALLOWED
