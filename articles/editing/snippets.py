"""Pieces of Markdown that the editor can insert, with `|` where the cursor goes."""

from __future__ import annotations

from dataclasses import dataclass

from articles import measurements
from articles.figures import FIGURES
from articles.figures.incident import FOLDER as INCIDENTS


@dataclass(frozen=True, slots=True)
class Snippet:
    """One piece to insert: its name in the menu, and its Markdown."""

    label: str
    text: str


def snippets() -> dict[str, list[Snippet]]:
    """Return all pieces, by the menu's groups."""
    recorded = sorted(path.stem for path in INCIDENTS.glob("*.json"))
    figures = [
        Snippet(f"{figure.name}: {figure.words}", f"::: figure {figure.example}\n|\n:::\n")
        for figure in FIGURES.values()
        if figure.name != "incident"
    ]
    incidents = [
        Snippet(f"incident {name}", f"::: figure incident ref={name}\n|\n:::\n")
        for name in recorded
    ]
    measured = [Snippet(name, f"::: measurement {name}\n|\n:::\n") for name in measurements.names()]
    found = {
        "Text": [
            Snippet("Section heading", "## |\n"),
            Snippet("Note box", "::: note |\n\n:::\n"),
            Snippet("Footnote", "[^|]\n\n[^]: \n"),
            Snippet("Table with a caption", "| | |\n|---|--:|\n| | |\n\nTable: |\n"),
        ],
        "Listings": [
            Snippet("Code with a title", '```python title="|"\n\n```\n'),
            Snippet("From the running source", "::: listing |\n\n:::\n"),
            Snippet("Constant from the running source", "{value}`|`"),
        ],
        "Figures": [*figures, *incidents],
        "Measurements": measured,
    }
    return {group: members for group, members in found.items() if members}
