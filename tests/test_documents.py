"""Documents name files that exist, and decisions have one form."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from config.environment import ROOT

DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
DOCUMENTS = [
    path
    for path in map(
        Path, subprocess.check_output(["git", "ls-files", "*.md"], cwd=ROOT, text=True).split()
    )
    if "seeds" not in path.parts
]
TOP = r"(?:portfolio|cluster|articles|chaos|config|compose|tests|docs)"
NAMED = re.compile(rf"`({TOP}/[\w./-]+)`")
LINKED = re.compile(r"\]\((?!https?:|/|#)([\w./-]+)(?:#[\w.-]*)?\)")
PLACEHOLDERS = {"NAME", "SERVICE"}
HEADING = re.compile(r"# (\d+)\. [A-Z].*[^.]\n\nStatus: accepted, \d{1,2} \w+ \d{4}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    text = (ROOT / document).read_text()
    named = {path for path in NAMED.findall(text) if not PLACEHOLDERS & set(path.split("/"))}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    folder = (ROOT / document).parent
    assert [path for path in LINKED.findall(text) if not (folder / path).exists()] == []


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_its_number_its_date_and_three_parts(decision: Path) -> None:
    text = decision.read_text()
    heading = HEADING.match(text)
    assert heading is not None
    assert int(heading[1]) == int(decision.name[:4])
    parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert parts[0] == "Context"
    assert {"Context", "Decision", "Consequences"} <= set(parts)


def test_the_index_lists_every_decision_by_its_title() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for decision in DECISIONS:
        title = decision.read_text().partition("\n")[0].partition(". ")[2]
        assert f"(adr/{decision.name}) | {title} |" in index
