"""A module can be read in one sitting, and a package says what is in it."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

from config.environment import ROOT

LONGEST = 400  # lines
PACKAGES = ("config", "compose", "cluster", "chaos", "articles", "portfolio")
MODULES = [
    Path(name)
    for name in subprocess.check_output(
        ["git", "ls-files", "*.py"], cwd=ROOT, text=True
    ).splitlines()
    if name.startswith(PACKAGES) and "migrations" not in name
]


def test_no_module_is_longer_than_a_reader_keeps_in_mind() -> None:
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in MODULES}
    assert {path: count for path, count in lines.items() if count > LONGEST} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path)
        for path in MODULES
        if path.name != "__init__.py"
        and not ast.get_docstring(ast.parse((ROOT / path).read_text()))
    ]
    assert silent == []


def test_the_first_line_of_a_docstring_is_one_clause() -> None:
    """The glossary's rule: no semicolon, and no beginning that makes a reader wait for the verb."""
    riddles = [
        f"{path}: {first}"
        for path in MODULES
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for first in [(ast.get_docstring(node) or "").partition("\n")[0]]
        if ";" in first or first.startswith(("What ", "Whether ", "Who ", "How "))
    ]
    assert riddles == []
